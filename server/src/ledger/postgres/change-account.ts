/**
 * Changing a customer's account, in a tx of its own: lock its row, read what the rules ask for, decide,
 * write it and the row of the audit trail. The lock is the one that batches take, and nothing else is
 * locked after it, so a batch sees the account as it was or as it is, and no deadlock can come of it.
 *
 * Where held money matters and some of it may be overdue, that expires first, through the queue, and
 * the tx begins again.
 */
import { CompiledQuery, type Transaction } from 'kysely'
import { recordAuditEvent, type AuditEvent } from '../../audit-events/audit-events.ts'
import type { Database } from '../../database/database.ts'
import type { DB } from '../../database/schema.generated.ts'
import { present, unreachable } from '../../kernel/assert.ts'
import { Fault } from '../../kernel/fault.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { stateOf } from '../core/account.ts'
import { countsFrom, decideChange, dependsOnHeld } from '../core/change.ts'
import type { LedgerRules, LockedAccount, Spending } from '../core/types.ts'
import type { ChangeAccountInstruction, ChangeAccountOutcome } from '../engine.ts'
import { uuidArray } from './encode.ts'
import { readLockedAccount } from './rows.ts'
import { readSpent } from './spent.ts'
import { lockAccounts } from './statements.ts'

export interface ChangeAccountOptions {
  database: Pick<Database, 'transaction'>
  rules: LedgerRules
  expireHolds: (accountIds: readonly Uuid[]) => Promise<void>
}

/** Each turn expires thousands of holds, so an account that needs more has far too many. */
const expiriesMax = 20

export function createChangeAccount({
  database,
  rules,
  expireHolds,
}: ChangeAccountOptions): (instruction: ChangeAccountInstruction) => Promise<ChangeAccountOutcome> {
  /** `undefined`: something is overdue, and nothing was done. */
  function tryChange(
    instruction: ChangeAccountInstruction,
  ): Promise<ChangeAccountOutcome | undefined> {
    return database.transaction(async (tx) => {
      const account = await lockAccount(tx, instruction.accountId)
      const nowMilliseconds = await readNow(tx)
      const isOverdue = account && account.holdExpiresAtMilliseconds <= nowMilliseconds
      if (isOverdue && dependsOnHeld(instruction.change)) return undefined
      const since = account && countsFrom(instruction, account, { nowMilliseconds, rules })
      const spending = since === undefined ? undefined : await countSince(tx, instruction, since)
      const decision = decideChange(instruction, account, spending)
      if (decision.kind === 'refused') return decision
      if (decision.isNew) {
        await writeAccount(tx, decision.account)
        await recordAuditEvent(tx, changeEvent(instruction))
      }
      return { ...decision, account: stateOf(decision.account) }
    })
  }

  return async (instruction) => {
    for (let expiries = 0; expiries <= expiriesMax; expiries += 1) {
      const outcome = await tryChange(instruction)
      if (outcome !== undefined) return outcome
      await expireHolds([instruction.accountId])
    }
    throw new Fault('overloaded', 'an account has very many holds that are overdue')
  }
}

/** Index: account_pkey. FOR NO KEY UPDATE of one row; its committed state under the lock. */
async function lockAccount(tx: Transaction<DB>, id: Uuid): Promise<LockedAccount | undefined> {
  const query = CompiledQuery.raw(lockAccounts.text, [uuidArray([id])])
  const { rows } = await tx.executeQuery<Record<string, string | null>>(query)
  const [columns] = rows
  if (columns === undefined) return undefined
  return readLockedAccount(Object.keys(lockAccounts.columns).map((name) => columns[name] ?? null))
}

/** Business time, read after the lock. */
async function readNow(tx: Transaction<DB>): Promise<number> {
  const query = CompiledQuery.raw(
    `select round(date_part('epoch', bank_now()) * 1000)::text as now_milliseconds`,
  )
  const { rows } = await tx.executeQuery<{ now_milliseconds: string }>(query)
  return Number(present(rows[0], 'the present time').now_milliseconds)
}

async function countSince(
  tx: Transaction<DB>,
  { accountId }: ChangeAccountInstruction,
  sinceMilliseconds: number,
): Promise<Spending> {
  return { sinceMilliseconds, spent: await readSpent(tx, accountId, new Date(sinceMilliseconds)) }
}

async function writeAccount(
  tx: Transaction<DB>,
  { id, status, overdraftLimit, transferLimit, dailyLimit, spending }: LockedAccount,
): Promise<void> {
  const values = {
    status,
    overdraft_limit: overdraftLimit,
    transfer_limit: transferLimit,
    daily_limit: dailyLimit,
    spent_since: spending && new Date(spending.sinceMilliseconds),
    spent: String(spending?.spent ?? 0),
  }
  await tx.updateTable('account').set(values).where('id', '=', id).execute()
}

function changeEvent(instruction: ChangeAccountInstruction): AuditEvent {
  const { principalId: actorId, accountId, requestId, change } = instruction
  const event = { actorId, subject: { prefix: 'acct', id: accountId }, requestId } as const
  switch (change.kind) {
    case 'freeze':
      return { ...event, kind: 'account.frozen' }
    case 'unfreeze':
      return { ...event, kind: 'account.unfrozen' }
    case 'close':
      return { ...event, kind: 'account.closed' }
    case 'set_overdraft_limit': {
      const facts = { overdraft_limit: change.overdraftLimit }
      return { ...event, kind: 'account.overdraft_set', facts }
    }
    case 'set_limits': {
      const { transferLimit, dailyLimit } = change
      const facts = {
        ...(transferLimit !== null && { per_transfer: transferLimit }),
        ...(dailyLimit !== null && { per_day: dailyLimit }),
      }
      return { ...event, kind: 'account.limits_set', facts }
    }
    default:
      return unreachable(change)
  }
}
