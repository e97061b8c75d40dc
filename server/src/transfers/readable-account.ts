/** Who lists by account: its owner, and staff, who may also leave the account out. */
import type { FastifyRequest } from 'fastify'
import { problem, type ProblemError } from '../http/problem.ts'
import { isStaff } from '../http/roles.ts'
import type { Uuid } from '../kernel/ids.ts'
import type { LedgerEngine } from '../ledger/ledger.ts'

export interface AccountReading {
  ledger: Pick<LedgerEngine, 'account'>
  request: FastifyRequest
  accountId: Uuid | undefined
  /** What is listed, for people: `transfers`. */
  things: string
}

/** Throws unless the reader is the owner of the account, or staff. */
export async function requireReadableAccount(reading: AccountReading): Promise<void> {
  const { ledger, request, accountId, things } = reading
  const account = accountId === undefined ? undefined : await ledger.account(accountId)
  if (account?.ownerId === request.principal.userId) return
  const mayReadAll = isStaff(await request.roles())
  if (accountId === undefined) {
    if (!mayReadAll) throw accountIdRequired(things)
  } else if (!account || !mayReadAll) {
    throw problem('account_not_found', { hidden: account && { prefix: 'acct', id: accountId } })
  }
}

function accountIdRequired(things: string): ProblemError {
  const detail = `is required: only staff list ${things} across accounts`
  return problem('validation_failed', {
    detail: `account_id: ${detail}`,
    errors: [{ pointer: 'account_id', code: 'required', detail }],
  })
}
