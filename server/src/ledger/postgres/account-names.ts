/**
 * What owners call their accounts. A name takes no part in any decision, so it is written without
 * the account's lock and beside the engine.
 */
import type { Database } from '../../database/database.ts'
import type { Uuid } from '../../kernel/ids.ts'

export interface AccountNames {
  /**
   * Sets the name, of 1 to 100 characters, or takes it away with `null`. False: there is no such
   * account of that owner, and nothing was done.
   */
  rename(accountId: Uuid, ownerId: Uuid, name: string | null): Promise<boolean>
}

export function createAccountNames({ transaction }: Pick<Database, 'transaction'>): AccountNames {
  return {
    // Indexes account_detail_pkey and account_pkey; locks the one row of `account_detail`, which no
    // batch touches.
    rename: (accountId, ownerId, name) =>
      transaction(async (tx) => {
        const { numUpdatedRows } = await tx
          .updateTable('account_detail')
          .set({ name })
          .from('account')
          .whereRef('account.id', '=', 'account_detail.account_id')
          .where('account_detail.account_id', '=', accountId)
          .where('account.owner_id', '=', ownerId)
          .executeTakeFirst()
        return numUpdatedRows === 1n
      }),
  }
}
