/**
 * Whether what a request came with counts at this moment: the one door behind the bearer hook.
 *
 * A token is verified in memory; then its session is looked up, together with those of the requests
 * that arrive in the same turn of the event loop. So a session that was ended, a user who was
 * disabled and roles that changed are in force from the next request on, on every server, and a
 * request costs a share of a query. An API key is looked up in the same way, and its use is noted
 * behind the request, for many keys at once.
 */
import { timingSafeEqual } from 'node:crypto'
import type { TokenVerdict } from '../../http/authentication.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { isApiKeyText, parseApiKeyText } from '../api-keys/api-key.ts'
import type { TokenMaker } from '../tokens/token-maker.ts'
import { createBatchedLookup } from './batched-lookup.ts'
import type { AdmissionStore } from './store.ts'

export interface AdmissionDependencies {
  tokens: Pick<TokenMaker, 'verify'>
  store: AdmissionStore
}

/** A set of hundreds takes about a millisecond. */
const lookupLimits = {
  patienceMilliseconds: 50,
  inFlightMax: 4,
  paceMilliseconds: 3,
  crowdSize: 8,
  sizeMax: 1024,
} as const

const invalid: TokenVerdict = { ok: false, code: 'token_invalid' }

export function createAdmission({ tokens, store }: AdmissionDependencies) {
  const findSession = createBatchedLookup({
    load: (ids) => store.liveSessions(ids),
    ...lookupLimits,
  })
  const findApiKey = createBatchedLookup({ load: (ids) => store.liveApiKeys(ids), ...lookupLimits })
  const noteUse = createUseNotes(store)

  async function admitToken(text: string): Promise<TokenVerdict> {
    const verdict = tokens.verify(text)
    if (!verdict.ok) return verdict
    const { userId, username, sessionId, epoch } = verdict.claims
    const session = await findSession(sessionId)
    if (session === undefined || session.accessEpoch !== epoch) return invalid
    const credential = { kind: 'session', id: sessionId } as const
    return { ok: true, principal: { userId, username, credential }, roles: session.roles }
  }

  async function admitApiKey(text: string): Promise<TokenVerdict> {
    const sent = parseApiKeyText(text)
    const key = sent && (await findApiKey(sent.id))
    if (sent === undefined || key === undefined) return invalid
    if (!timingSafeEqual(sent.hash, key.hash)) return invalid
    if (key.isUseOld) noteUse(sent.id)
    const { userId, username, roles, scopes } = key
    const credential = { kind: 'api_key', id: sent.id, scopes } as const
    return { ok: true, principal: { userId, username, credential }, roles }
  }

  return (text: string): Promise<TokenVerdict> =>
    isApiKeyText(text) ? admitApiKey(text) : admitToken(text)
}

/** Collects ids while a write is under way. One that fails is not tried again: the next use is. */
function createUseNotes(store: Pick<AdmissionStore, 'noteUse'>): (id: Uuid) => void {
  let waiting = new Set<Uuid>()
  let isWriting = false

  async function write(): Promise<void> {
    isWriting = true
    while (waiting.size > 0) {
      const ids = [...waiting]
      waiting = new Set()
      await store.noteUse(ids).catch(() => undefined)
    }
    isWriting = false
  }

  return (id) => {
    waiting.add(id)
    if (!isWriting) void write()
  }
}
