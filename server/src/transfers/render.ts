/**
 * From a posted transfer to its JSON. Everything shown was fixed at posting, so that an answer can
 * be rendered again to the same bytes; metadata is sorted by key, since neither a request's order
 * nor the database's is kept.
 */
import type { Static } from 'typebox'
import { encodeId, type Uuid } from '../kernel/ids.ts'
import { toMinor } from '../kernel/money.ts'
import type { PostedTransfer } from '../ledger/ledger.ts'
import type { TransferSchema } from './schema.ts'
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
  const { amount, description, reference } = transfer
  // Texts that the entries repeat are made once: they are most of the cost.
  const id = encodeId('xfer', transfer.id)
  const fromAccountId = encodeId('acct', transfer.debitAccountId)
  const toAccountId = encodeId('acct', transfer.creditAccountId)
  const createdAt = transfer.createdAt.toISOString()
  const words = { description, reference, created_at: createdAt }
  return {
    id,
    kind: transfer.kind,
    from_account_id: fromAccountId,
    to_account_id: toAccountId,
    amount,
    currency: transfer.currency,
    ...words,
    reverses_id: transfer.reversesId && encodeId('xfer', transfer.reversesId),
    hold_id: transfer.holdId && encodeId('hold', transfer.holdId),
    group_id: transfer.groupId && encodeId('group', transfer.groupId),
    ...(payer && {
      metadata: sorted(transfer.metadata ?? {}),
      // Customers' accounts are credit-normal: a debit takes away.
      from_entry: {
        seq: transfer.debitSeq,
        transfer_id: id,
        amount: -amount,
        balance_after: toMinor(transfer.debitBalanceAfter),
        counterparty: { account_id: toAccountId },
        ...words,
      },
    }),
    ...(receiver && {
      to_entry: {
        seq: transfer.creditSeq,
        transfer_id: id,
        amount,
        balance_after: toMinor(transfer.creditBalanceAfter),
        counterparty: { account_id: fromAccountId },
        ...words,
      },
    }),
  }
}

function sorted(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(metadata)
  return Object.fromEntries(pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}
