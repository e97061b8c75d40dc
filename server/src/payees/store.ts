/** Finds who is to be paid: an exact user name and a currency lead to one account, or to nothing. */
import type { Database } from '../database/database.ts'
import type { CurrencyCode } from '../kernel/currency.ts'
import type { Uuid } from '../kernel/ids.ts'

export interface Payee {
  accountId: Uuid
  currency: CurrencyCode
  displayName: string
}

export interface PayeeStore {
  /** The account that receives by default: the user's oldest open one in that currency. */
  find(username: string, currency: CurrencyCode): Promise<Payee | undefined>
}

export function createPayeeStore({ kysely }: Pick<Database, 'kysely'>): PayeeStore {
  return {
    // One row or none: app_user by its unique user name, then index account_owner_id forwards (ids
    // are ordered by time) to the first account that fits. A disabled user receives nothing new.
    async find(username, currency) {
      const row = await kysely
        .selectFrom('app_user')
        .innerJoin('account', 'account.owner_id', 'app_user.id')
        .where('app_user.username', '=', username)
        .where('app_user.status', '=', 'active')
        .where('account.currency', '=', currency)
        .where('account.status', '=', 'open')
        .orderBy('account.id')
        .limit(1)
        .select(['account.id', 'account.currency', 'app_user.full_name'])
        .executeTakeFirst()
      return row && { accountId: row.id, currency: row.currency, displayName: row.full_name }
    },
  }
}
