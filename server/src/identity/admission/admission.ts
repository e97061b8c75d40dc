/**
 * Whether what a request came with counts at this moment: the one door behind the bearer hook.
 *
 * A token is verified in memory; then its session is looked up, together with those of the requests
 * that arrive in the same turn of the event loop. So a session that was ended, a user who was
 * disabled and roles that changed are in force from the next request on, on every server, and a
 * request costs a share of a query.
 */
import type { TokenVerdict } from '../../http/authentication.ts'
import type { TokenMaker } from '../tokens/token-maker.ts'
import { createBatchedLookup } from './batched-lookup.ts'
import type { AdmissionStore } from './store.ts'

export interface AdmissionDependencies {
  tokens: Pick<TokenMaker, 'verify'>
  store: AdmissionStore
}

/**
 * One query under way at a time makes the largest sets, and a set of hundreds takes well under a
 * millisecond.
 */
const lookupLimits = { inFlightMax: 1, sizeMax: 1024 } as const

const invalid: TokenVerdict = { ok: false, code: 'token_invalid' }

export function createAdmission({ tokens, store }: AdmissionDependencies) {
  const findSession = createBatchedLookup({
    load: (ids) => store.liveSessions(ids),
    ...lookupLimits,
  })

  return async (text: string): Promise<TokenVerdict> => {
    const verdict = tokens.verify(text)
    if (!verdict.ok) return verdict
    const { userId, username, sessionId, epoch } = verdict.claims
    const session = await findSession(sessionId)
    if (session === undefined || session.accessEpoch !== epoch) return invalid
    const credential = { kind: 'session', id: sessionId } as const
    return { ok: true, principal: { userId, username, credential }, roles: session.roles }
  }
}
