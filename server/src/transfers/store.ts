/**
 * Reads of transfers. A transfer never changes, so what is read once is true for good.
 *
 * Lists are newest first, by keyset: along an account's seq where only the account is given (a
 * merge append over the two unique indexes of `transfer`), else along the time-ordered ids, through
 * the indexes of `transfer_text` where a reference is given.
 */
import { sql } from 'kysely'
import type { AliasableExpression, Selectable } from 'kysely'
import type { Database } from '../database/database.ts'
import { toBigInt, toSafeInteger } from '../database/convert.ts'
import type { Transfer } from '../database/schema.generated.ts'
import type { Uuid } from '../kernel/ids.ts'
import type { Minor } from '../kernel/money.ts'
import type { PostedTransfer, TransferKind } from '../ledger/ledger.ts'

/** A transfer with the owners of both sides, `null` for the bank itself: it shows who may see what. */
export interface OwnedTransfer extends PostedTransfer {
  debitOwnerId: Uuid | null
  creditOwnerId: Uuid | null
}

export interface TransferStore {
  find(id: Uuid): Promise<OwnedTransfer | undefined>
  /** Along the account's seq, below `seqBefore`. */
  listByAccount(page: {
    accountId: Uuid
    seqBefore: number | undefined
    limit: number
  }): Promise<OwnedTransfer[]>
  /** Along the ids, below `before`; the reference must be equal, the account on either side. */
  listByReference(page: {
    reference: string
    accountId: Uuid | undefined
    before: Uuid | undefined
    limit: number
  }): Promise<OwnedTransfer[]>
  /** The reversals of a transfer, along their ids, below `before`. */
  listReversals(page: {
    id: Uuid
    before: Uuid | undefined
    limit: number
  }): Promise<OwnedTransfer[]>
  /** What they have taken back so far. */
  reversedAmount(id: Uuid): Promise<Minor>
  /** Along the ids, below `before`. */
  listAll(page: { before: Uuid | undefined; limit: number }): Promise<OwnedTransfer[]>
}

export function createTransferStore({ kysely }: Pick<Database, 'kysely'>): TransferStore {
  // At most a page of transfers, with words, links and owners by primary keys. Locks nothing.
  function complete(page: AliasableExpression<Selectable<Transfer>>) {
    return kysely
      .selectFrom(page.as('page'))
      .leftJoin('transfer_text as words', 'words.transfer_id', 'page.id')
      .leftJoin('transfer_link as link', 'link.transfer_id', 'page.id')
      .innerJoin('account as debit', 'debit.id', 'page.debit_account_id')
      .innerJoin('account as credit', 'credit.id', 'page.credit_account_id')
      .selectAll('page')
      .select(['words.description', 'words.reference', 'words.metadata'])
      .select(['link.reverses_id', 'link.hold_id', 'link.group_id'])
      .select(['debit.owner_id as debit_owner_id', 'credit.owner_id as credit_owner_id'])
      .$narrowType<{ kind: TransferKind; metadata: Record<string, string> | null }>()
  }

  // Merge append of transfer_debit_entry and transfer_credit_entry, both backwards, then the rest of
  // each row by primary key. A union of whole rows would not merge: PostgreSQL sees no order in a
  // column that the select list has twice, and reads and sorts the whole account.
  function alongSeq(accountId: Uuid, seqBefore: number | undefined, limit: number) {
    let entries = kysely
      .selectFrom('entry')
      .select(['transfer_id', 'seq'])
      .where('account_id', '=', accountId)
    if (seqBefore !== undefined) entries = entries.where('seq', '<', String(seqBefore))
    return kysely
      .selectFrom(entries.orderBy('seq', 'desc').limit(limit).as('entry_page'))
      .innerJoin('transfer', 'transfer.id', 'entry_page.transfer_id')
      .selectAll('transfer')
      .select('entry_page.seq')
  }

  // transfer_text_reference, or the merge append of its two siblings that begin with the account.
  function named(reference: string, accountId: Uuid | undefined) {
    const all = kysely
      .selectFrom('transfer_text')
      .select('transfer_id')
      .where('reference', '=', reference)
    if (accountId === undefined) return all
    return all
      .where('debit_account_id', '=', accountId)
      .unionAll(all.where('credit_account_id', '=', accountId))
  }

  return {
    async find(id) {
      const query = kysely.selectFrom('transfer').selectAll().where('id', '=', id)
      const row = await complete(query).executeTakeFirst()
      return row && toTransfer(row)
    },

    async listByAccount({ accountId, seqBefore, limit }) {
      const query = complete(alongSeq(accountId, seqBefore, limit))
      // The seq of the account's own side; a transfer never has one account on both.
      const rows = await query.orderBy(sql.ref('page.seq'), 'desc').execute()
      return rows.map(toTransfer)
    },

    async listByReference({ reference, accountId, before, limit }) {
      let found = kysely.selectFrom(named(reference, accountId).as('text')).select('transfer_id')
      if (before !== undefined) found = found.where('transfer_id', '<', before)
      const query = kysely
        .selectFrom(found.orderBy('transfer_id', 'desc').limit(limit).as('found'))
        .innerJoin('transfer', 'transfer.id', 'found.transfer_id')
        .selectAll('transfer')
      const rows = await complete(query).orderBy('page.id', 'desc').execute()
      return rows.map(toTransfer)
    },

    // transfer_link_reverses, all of the transfer's: there are few.
    async listReversals({ id, before, limit }) {
      let links = kysely
        .selectFrom('transfer_link')
        .select('transfer_id')
        .where('reverses_id', '=', id)
      if (before !== undefined) links = links.where('transfer_id', '<', before)
      const query = kysely
        .selectFrom(links.orderBy('transfer_id', 'desc').limit(limit).as('found'))
        .innerJoin('transfer', 'transfer.id', 'found.transfer_id')
        .selectAll('transfer')
      const rows = await complete(query).orderBy('page.id', 'desc').execute()
      return rows.map(toTransfer)
    },

    async reversedAmount(id) {
      const { sum } = await kysely
        .selectFrom('transfer_link')
        .innerJoin('transfer', 'transfer.id', 'transfer_link.transfer_id')
        .where('transfer_link.reverses_id', '=', id)
        .select(sql<string>`coalesce(sum(transfer.amount), 0)`.as('sum'))
        .executeTakeFirstOrThrow()
      return toSafeInteger(sum)
    },

    // The primary key backwards.
    async listAll({ before, limit }) {
      let query = kysely.selectFrom('transfer').selectAll()
      if (before !== undefined) query = query.where('id', '<', before)
      const page = query.orderBy('id', 'desc').limit(limit)
      const rows = await complete(page).orderBy('page.id', 'desc').execute()
      return rows.map(toTransfer)
    },
  }
}

interface TransferRow extends Selectable<Transfer> {
  kind: TransferKind
  description: string | null
  reference: string | null
  metadata: Record<string, string> | null
  reverses_id: Uuid | null
  hold_id: Uuid | null
  group_id: Uuid | null
  debit_owner_id: Uuid | null
  credit_owner_id: Uuid | null
}

function toTransfer(row: TransferRow): OwnedTransfer {
  return {
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
  }
}
