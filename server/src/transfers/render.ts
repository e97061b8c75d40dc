/**
 * From a posted transfer to its JSON. Everything shown was fixed at posting, so that an answer can
 * be rendered again to the same bytes; metadata is sorted by key, since neither a request's order
 * nor the database's is kept.
 */
import type { Static } from 'typebox'
import { encodeId, type Uuid } from '../kernel/ids.ts'
import { toMinor } from '../kernel/money.ts'
import type { PostedTransfer } from '../ledger/ledger.ts'
import type { TransferEntrySchema, TransferSchema } from './schema.ts'
import type { OwnedTransfer } from './store.ts'

/** What the reader is to the transfer; staff are neither. */
export interface TransferView {
  payer: boolean
  receiver: boolean
}

/** Each side's owner sees that side. */
export function viewOf(transfer: OwnedTransfer, userId: Uuid): TransferView {
  return { payer: transfer.debitOwnerId === userId, receiver: transfer.creditOwnerId === userId }
}

export function renderTransfer(
  transfer: PostedTransfer,
  { payer, receiver }: TransferView,
): Static<typeof TransferSchema> {
  return {
    id: encodeId('xfer', transfer.id),
    kind: transfer.kind,
    from_account_id: encodeId('acct', transfer.debitAccountId),
    to_account_id: encodeId('acct', transfer.creditAccountId),
    amount: transfer.amount,
    currency: transfer.currency,
    description: transfer.description,
    reference: transfer.reference,
    created_at: transfer.createdAt.toISOString(),
    ...(payer && { metadata: sorted(transfer.metadata ?? {}), from_entry: fromEntry(transfer) }),
    ...(receiver && { to_entry: toEntry(transfer) }),
  }
}

type TransferEntry = Static<typeof TransferEntrySchema>

// Customers' accounts are credit-normal: a debit takes away.
function fromEntry(transfer: PostedTransfer): TransferEntry {
  return {
    seq: transfer.debitSeq,
    amount: -transfer.amount,
    balance_after: toMinor(transfer.debitBalanceAfter),
    counterparty: { account_id: encodeId('acct', transfer.creditAccountId) },
    ...common(transfer),
  }
}

function toEntry(transfer: PostedTransfer): TransferEntry {
  return {
    seq: transfer.creditSeq,
    amount: transfer.amount,
    balance_after: toMinor(transfer.creditBalanceAfter),
    counterparty: { account_id: encodeId('acct', transfer.debitAccountId) },
    ...common(transfer),
  }
}

function common({ id, description, reference, createdAt }: PostedTransfer) {
  return {
    transfer_id: encodeId('xfer', id),
    description,
    reference,
    created_at: createdAt.toISOString(),
  }
}

function sorted(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(metadata)
  return Object.fromEntries(pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}
