import type { Static } from 'typebox'
import { assert } from '../kernel/assert.ts'
import { encodeId } from '../kernel/ids.ts'
import { toMinor } from '../kernel/money.ts'
import type { OpenedAccount } from '../ledger/ledger.ts'
import type { PastBalance } from '../entries/entries.ts'
import type { AccountSchema, PastAccountSchema } from './schema.ts'
import type { Account } from './store.ts'

export function renderAccount(account: Account): Static<typeof AccountSchema> {
  const available = account.ledgerBalance - account.held + account.overdraftLimit
  assert(Number.isSafeInteger(available), 'an available balance is exact')
  return {
    id: encodeId('acct', account.id),
    owner_id: encodeId('user', account.ownerId),
    name: account.name,
    currency: account.currency,
    status: account.status,
    ledger_balance: account.ledgerBalance,
    held: account.held,
    available_balance: available,
    overdraft_limit: account.overdraftLimit,
    limits: { per_transfer: account.transferLimit, per_day: account.dailyLimit },
    version: account.version,
    created_at: account.createdAt.toISOString(),
  }
}

/** As it was at its opening, also when it is rendered again for a replay. */
export function renderOpenedAccount(account: OpenedAccount): Static<typeof AccountSchema> {
  return renderAccount({
    ...account,
    status: 'open',
    ledgerBalance: 0,
    held: 0,
    overdraftLimit: 0,
    transferLimit: null,
    dailyLimit: null,
    version: 0,
  })
}

/** As it was at that moment, if one is given, or right after its last entry then. */
export function renderPastAccount(
  { id, currency }: Pick<Account, 'id' | 'currency'>,
  { seq, ledgerBalance, bookedAt }: PastBalance,
  moment: Date | undefined,
): Static<typeof PastAccountSchema> {
  return {
    id: encodeId('acct', id),
    currency,
    ledger_balance: toMinor(ledgerBalance),
    version: seq,
    at: (moment ?? bookedAt)?.toISOString() ?? null,
  }
}
