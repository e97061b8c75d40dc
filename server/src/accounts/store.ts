/**
 * Reads of customers' accounts. Only the ledger writes them; accounts of the bank itself are not
 * found here. Every statement reads committed data, locks nothing and goes by a unique index.
 */
import type { Database } from '../database/database.ts'
import { toSafeInteger } from '../database/convert.ts'
import type { CurrencyCode } from '../kernel/currency.ts'
import type { Uuid } from '../kernel/ids.ts'
import type { Minor } from '../kernel/money.ts'

export type AccountStatus = 'open' | 'frozen' | 'closed'

/** A customer's account at one moment. */
export interface Account {
  id: Uuid
  ownerId: Uuid
  name: string | null
  currency: CurrencyCode
  status: AccountStatus
  ledgerBalance: Minor
  held: Minor
  overdraftLimit: Minor
  /** `null`: none of its own. */
  transferLimit: Minor | null
  dailyLimit: Minor | null
  /** The seq of its last entry. */
  version: number
  createdAt: Date
}

export interface AccountPage {
  ownerId: Uuid
  /** Only accounts opened before this one. */
  before: Uuid | undefined
  limit: number
}

export interface AccountStore {
  find(id: Uuid): Promise<Account | undefined>
  /** Newest first. */
  listByOwner(page: AccountPage): Promise<Account[]>
}

export function createAccountStore({ kysely }: Pick<Database, 'kysely'>): AccountStore {
  // One row per customer account; the detail is joined by its primary key.
  const accounts = kysely
    .selectFrom('account')
    .innerJoin('account_detail', 'account_detail.account_id', 'account.id')
    .where('account.owner_id', 'is not', null)
    .select([
      'account.id',
      'account.owner_id',
      'account_detail.name',
      'account.currency',
      'account.status',
      'account.ledger_balance',
      'account.held',
      'account.overdraft_limit',
      'account.transfer_limit',
      'account.daily_limit',
      'account.version',
      'account_detail.created_at',
    ])
    .$narrowType<{ owner_id: Uuid; status: AccountStatus }>()

  return {
    async find(id) {
      const row = await accounts.where('account.id', '=', id).executeTakeFirst()
      return row && toAccount(row)
    },

    // Index account_owner_id, read backwards from the cursor: ids are ordered by time.
    async listByOwner({ ownerId, before, limit }) {
      let query = accounts.where('account.owner_id', '=', ownerId)
      if (before !== undefined) query = query.where('account.id', '<', before)
      const rows = await query.orderBy('account.id', 'desc').limit(limit).execute()
      return rows.map(toAccount)
    },
  }
}

interface AccountRow {
  id: Uuid
  owner_id: Uuid
  name: string | null
  currency: CurrencyCode
  status: AccountStatus
  ledger_balance: string
  held: string
  overdraft_limit: string
  transfer_limit: string | null
  daily_limit: string | null
  version: string
  created_at: Date
}

function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    ownerId: row.owner_id,
    name: row.name,
    currency: row.currency,
    status: row.status,
    ledgerBalance: toSafeInteger(row.ledger_balance),
    held: toSafeInteger(row.held),
    overdraftLimit: toSafeInteger(row.overdraft_limit),
    transferLimit: row.transfer_limit === null ? null : toSafeInteger(row.transfer_limit),
    dailyLimit: row.daily_limit === null ? null : toSafeInteger(row.daily_limit),
    version: toSafeInteger(row.version),
    createdAt: row.created_at,
  }
}
