/**
 * What an account was at a moment of its past, or up to one of its entries. Two neighbouring entries
 * tell an amount, so whoever may not read the entries may not read this either.
 */
import type { FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import type { EntryStore } from '../entries/entries.ts'
import { readMoment } from '../http/moments.ts'
import { problem, type ProblemError } from '../http/problem.ts'
import { renderPastAccount } from './render.ts'
import type { PastAccountSchema } from './schema.ts'
import type { Account } from './store.ts'

/** Which moment: one of the two. */
export interface PastQuery {
  at?: string
  seq?: number
}

export type PastBalances = Pick<EntryStore, 'balanceAt' | 'balanceAfter'>

export function isAboutPast({ at, seq }: PastQuery): boolean {
  return at !== undefined || seq !== undefined
}

/** For an account that the caller may read now; throws `role_required` and `validation_failed`. */
export async function readPast(
  request: FastifyRequest,
  account: Account,
  { at, seq }: PastQuery,
  balances: PastBalances,
): Promise<Static<typeof PastAccountSchema>> {
  const moment = readMoment('at', at)
  if (moment !== undefined && seq !== undefined) {
    throw refused('seq', 'exclusive', 'must not come together with `at`')
  }
  if (account.ownerId !== request.principal.userId && !(await request.roles()).has('auditor')) {
    throw problem('role_required', { facts: { roles: ['auditor'] } })
  }
  if (moment !== undefined) {
    const balance = await balances.balanceAt(account.id, moment)
    if (balance === undefined) throw refused('at', 'future', 'must not be a moment to come')
    return renderPastAccount(account, balance, moment)
  }
  const balance = await balances.balanceAfter(account.id, seq ?? 0)
  if (balance === undefined) throw refused('seq', 'future', 'must not be over the last entry')
  return renderPastAccount(account, balance, undefined)
}

function refused(pointer: string, code: string, detail: string): ProblemError {
  return problem('validation_failed', { errors: [{ pointer, code, detail }] })
}
