/**
 * Reads of the bank's own accounts. There are few: a handful of codes for each currency. Their
 * balances may outgrow a JSON integer, hence `bigint`.
 */
import type { Database } from '../database/database.ts'
import { toBigInt } from '../database/convert.ts'
import type { Uuid } from '../kernel/ids.ts'
import type { BankAccount, Side } from '../ledger/ledger.ts'

export interface BankAccountBalance extends BankAccount {
  ledgerBalance: bigint
}

export interface BankAccountStore {
  /** Newest first. */
  list(page: { before: Uuid | undefined; limit: number }): Promise<BankAccountBalance[]>
}

export function createBankAccountStore({ kysely }: Pick<Database, 'kysely'>): BankAccountStore {
  // One row per bank account; its balance is joined by primary key.
  const bankAccounts = kysely
    .selectFrom('bank_account')
    .innerJoin('account', 'account.id', 'bank_account.account_id')
    .select([
      'bank_account.account_id',
      'bank_account.code',
      'bank_account.currency',
      'bank_account.created_at',
      'account.normal_side',
      'account.ledger_balance',
    ])
    .$narrowType<{ normal_side: Side }>()

  return {
    // By the unique index on bank_account.account_id, read backwards; locks nothing.
    async list({ before, limit }) {
      let query = bankAccounts
      if (before !== undefined) query = query.where('bank_account.account_id', '<', before)
      const rows = await query.orderBy('bank_account.account_id', 'desc').limit(limit).execute()
      return rows.map((row) => ({
        accountId: row.account_id,
        code: row.code,
        currency: row.currency,
        normalSide: row.normal_side,
        ledgerBalance: toBigInt(row.ledger_balance),
        createdAt: row.created_at,
      }))
    },
  }
}
