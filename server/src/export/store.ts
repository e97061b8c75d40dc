/**
 * Reads of the export: the sealed part of the book in its one order, and the accounts it names.
 *
 * Every statement is a short snapshot of its own. That is safe because nothing that is read here
 * changes: sealed transfers are immutable, and so are owner, code and currency of an account.
 */
import { sql } from 'kysely'
import { toBigInt, toSafeInteger } from '../database/convert.ts'
import type { Database } from '../database/database.ts'
import type { CurrencyCode } from '../kernel/currency.ts'
import type { Uuid } from '../kernel/ids.ts'
import type { PostedTransfer, TransferKind } from '../ledger/ledger.ts'

/** A transfer with the owners of both sides, `null` for the bank itself. */
export interface ExportedTransfer extends PostedTransfer {
  debitOwnerId: Uuid | null
  creditOwnerId: Uuid | null
}

export interface ExportedAccount {
  id: Uuid
  currency: CurrencyCode
  normalSide: 'debit' | 'credit'
  /** `null` for an account of the bank, which then has a code. */
  ownerId: Uuid | null
  code: string | null
}

export interface ExportStore {
  /** The id of the batch that was begun last, of those that are visible; `undefined` without any. */
  newestBatch(): Promise<string | undefined>
  /** Whether a visible batch up to that id waits for its position. */
  hasUnsealed(batchId: string): Promise<boolean>
  /** The last position that was given; 0 for an empty book. */
  lastPosition(): Promise<number>
  /** Batches after one position, up to another, along their positions. */
  listBatches(page: {
    after: number
    until: number
    limit: number
  }): Promise<{ position: number; transferCount: number }[]>
  /** All transfers of the batches after one position, up to another, in order. */
  listTransfers(range: { after: number; until: number }): Promise<ExportedTransfer[]>
  /** Along the ids, above `after`. */
  listAccounts(page: { after: Uuid | undefined; limit: number }): Promise<ExportedAccount[]>
}

export function createExportStore({ kysely }: Pick<Database, 'kysely'>): ExportStore {
  return {
    // The primary key backwards.
    async newestBatch() {
      const newest = kysely.selectFrom('batch').select('id').orderBy('id', 'desc').limit(1)
      return (await newest.executeTakeFirst())?.id
    },

    // batch_unsealed.
    async hasUnsealed(batchId) {
      const waiting = kysely
        .selectFrom('batch')
        .select('id')
        .where('position', 'is', null)
        .where('id', '<=', batchId)
        .limit(1)
      return (await waiting.executeTakeFirst()) !== undefined
    },

    // batch_position_key backwards.
    async lastPosition() {
      const row = await kysely
        .selectFrom('batch')
        .select('position')
        .where('position', 'is not', null)
        .orderBy('position', 'desc')
        .limit(1)
        .executeTakeFirst()
      return toSafeInteger(row?.position ?? '0')
    },

    // batch_position_key.
    async listBatches({ after, until, limit }) {
      const rows = await kysely
        .selectFrom('batch')
        .select(['position', 'transfer_count'])
        .$narrowType<{ position: string }>()
        .where('position', '>', String(after))
        .where('position', '<=', String(until))
        .orderBy('position')
        .limit(limit)
        .execute()
      return rows.map((row) => ({
        position: toSafeInteger(row.position),
        transferCount: row.transfer_count,
      }))
    },

    // batch_position_key, then transfer_pkey and the primary keys of what belongs to a transfer. The
    // `offset 0` keeps each look-up a look-up: the planner cannot make a join of whole tables of it.
    async listTransfers({ after, until }) {
      const rows = await kysely
        .selectFrom('batch')
        .innerJoinLateral(
          (from) =>
            from
              .selectFrom('transfer')
              .selectAll()
              .whereRef('transfer.id', '>=', 'batch.first_transfer_id')
              .whereRef('transfer.id', '<=', 'batch.last_transfer_id')
              .whereRef('transfer.batch_id', '=', 'batch.id')
              .offset(0)
              .as('posted'),
          (join) => join.onTrue(),
        )
        .leftJoinLateral(
          (from) =>
            from
              .selectFrom('transfer_text')
              .select(['description', 'reference', 'metadata'])
              .whereRef('transfer_text.transfer_id', '=', 'posted.id')
              .offset(0)
              .as('words'),
          (join) => join.onTrue(),
        )
        .leftJoinLateral(
          (from) =>
            from
              .selectFrom('transfer_link')
              .select(['reverses_id', 'hold_id', 'group_id'])
              .whereRef('transfer_link.transfer_id', '=', 'posted.id')
              .offset(0)
              .as('link'),
          (join) => join.onTrue(),
        )
        .innerJoinLateral(
          (from) =>
            from
              .selectFrom('account')
              .select('owner_id as debit_owner_id')
              .whereRef('account.id', '=', 'posted.debit_account_id')
              .offset(0)
              .as('debit'),
          (join) => join.onTrue(),
        )
        .innerJoinLateral(
          (from) =>
            from
              .selectFrom('account')
              .select('owner_id as credit_owner_id')
              .whereRef('account.id', '=', 'posted.credit_account_id')
              .offset(0)
              .as('credit'),
          (join) => join.onTrue(),
        )
        .selectAll('posted')
        .select(['words.description', 'words.reference', 'words.metadata'])
        .select(['link.reverses_id', 'link.hold_id', 'link.group_id'])
        .select(['debit.debit_owner_id', 'credit.credit_owner_id'])
        .$narrowType<{ kind: TransferKind; metadata: Record<string, string> | null }>()
        .where('batch.position', '>', String(after))
        .where('batch.position', '<=', String(until))
        .orderBy('batch.position')
        .orderBy('posted.batch_index')
        .execute()
      return rows.map((row) => ({
        id: row.id,
        kind: row.kind,
        principalId: row.principal_id,
        debitAccountId: row.debit_account_id,
        creditAccountId: row.credit_account_id,
        amount: toSafeInteger(row.amount),
        currency: row.currency,
        description: row.description,
        reference: row.reference,
        metadata: row.metadata,
        debitSeq: toSafeInteger(row.debit_seq),
        creditSeq: toSafeInteger(row.credit_seq),
        debitBalanceAfter: toBigInt(row.debit_balance_after),
        creditBalanceAfter: toBigInt(row.credit_balance_after),
        reversesId: row.reverses_id,
        holdId: row.hold_id,
        groupId: row.group_id,
        createdAt: row.created_at,
        debitOwnerId: row.debit_owner_id,
        creditOwnerId: row.credit_owner_id,
      }))
    },

    // account_pkey, and the unique index of bank_account by account.
    async listAccounts({ after, limit }) {
      let page = kysely
        .selectFrom('account')
        .leftJoin('bank_account as bank', 'bank.account_id', 'account.id')
        .select(['account.id', 'account.currency', 'account.owner_id', 'bank.code'])
        .select(sql<'debit' | 'credit'>`account.normal_side`.as('normal_side'))
      if (after !== undefined) page = page.where('account.id', '>', after)
      const rows = await page.orderBy('account.id').limit(limit).execute()
      return rows.map((row) => ({
        id: row.id,
        currency: row.currency,
        normalSide: row.normal_side,
        ownerId: row.owner_id,
        code: row.code,
      }))
    },
  }
}
