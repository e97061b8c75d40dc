/** The one sealed data key, as it is stored. */
import type { Database } from '../../database/database.ts'

export interface VaultStore {
  read(): Promise<Buffer | undefined>
  /** Stores the first one; another server may have been first. */
  insert(sealed: Uint8Array): Promise<void>
  /** Replaces exactly that one. */
  replace(before: Uint8Array, after: Uint8Array): Promise<void>
  /** The same, if nothing is sealed under what that one stands for. */
  replaceUnused(before: Uint8Array, after: Uint8Array): Promise<void>
}

export function createVaultStore({
  kysely,
  transaction,
}: Pick<Database, 'kysely' | 'transaction'>): VaultStore {
  return {
    async read() {
      return (await kysely.selectFrom('data_key').select('sealed').executeTakeFirst())?.sealed
    },
    async insert(sealed) {
      await transaction((tx) =>
        tx
          .insertInto('data_key')
          .values({ sealed: Buffer.from(sealed) })
          .onConflict((conflict) => conflict.doNothing())
          .execute(),
      )
    },
    async replace(before, after) {
      await transaction((tx) =>
        tx
          .updateTable('data_key')
          .set({ sealed: Buffer.from(after) })
          .where('sealed', '=', Buffer.from(before))
          .execute(),
      )
    },
    async replaceUnused(before, after) {
      await transaction((tx) =>
        tx
          .updateTable('data_key')
          .set({ sealed: Buffer.from(after) })
          .where('sealed', '=', Buffer.from(before))
          .where((where) =>
            where.not(where.exists(where.selectFrom('second_factor').select('user_id'))),
          )
          .execute(),
      )
    },
  }
}
