/**
 * Changing a customer's account, in a tx of its own: lock its row, decide, write it and the row of the
 * audit trail. The lock is the one that batches take, and nothing else is locked after it, so a batch
 * sees the account as it was or as it is, and no deadlock can come of it.
 */
import { sql, type Transaction } from 'kysely'
import { recordAuditEvent, type AuditEvent } from '../../audit-events/audit-events.ts'
import type { Database } from '../../database/database.ts'
import type { DB } from '../../database/schema.generated.ts'
import { unreachable } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { decideChange } from '../core/change.ts'
import type { AccountState, ChangeAccountInstruction, ChangeAccountOutcome } from '../engine.ts'
import { accountState } from './open-accounts.ts'

export function createChangeAccount({
  transaction,
}: Pick<Database, 'transaction'>): (
  instruction: ChangeAccountInstruction,
) => Promise<ChangeAccountOutcome> {
  return (instruction) =>
    transaction(async (tx) => {
      const outcome = decideChange(instruction, await lockAccount(tx, instruction.accountId))
      if (outcome.kind === 'changed' && outcome.isNew) {
        await writeAccount(tx, outcome.account)
        await recordAuditEvent(tx, changeEvent(instruction))
      }
      return outcome
    })
}

/** Index: account_pkey. FOR NO KEY UPDATE of one row; its committed state under the lock. */
async function lockAccount(tx: Transaction<DB>, id: Uuid): Promise<AccountState | undefined> {
  const query = tx.selectFrom('account').selectAll().where('id', '=', id)
  const row = await query.modifyEnd(sql`for no key update`).executeTakeFirst()
  return row && accountState(row)
}

async function writeAccount(
  tx: Transaction<DB>,
  { id, status, overdraftLimit }: AccountState,
): Promise<void> {
  const values = { status, overdraft_limit: overdraftLimit }
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
    case 'set_overdraft_limit': {
      const facts = { overdraft_limit: change.overdraftLimit }
      return { ...event, kind: 'account.overdraft_set', facts }
    }
    default:
      return unreachable(change)
  }
}
