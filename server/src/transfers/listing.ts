/** One page of transfers by any of the ways to ask for them, and the place of each in its list. */
import { seqPosition } from '../http/list.ts'
import { problem } from '../http/problem.ts'
import { decodeId, encodeId, type Uuid } from '../kernel/ids.ts'
import type { OwnedTransfer, TransferStore } from './store.ts'

export interface TransferListing {
  accountId: Uuid | undefined
  reference: string | undefined
  /** What a cursor says; throws `invalid_cursor` when that is no place in this list. */
  after: string | undefined
  limit: number
}

export interface TransferPage {
  rows: OwnedTransfer[]
  position: (transfer: OwnedTransfer) => string
}

export async function readTransferPage(
  transfers: TransferStore,
  { accountId, reference, after, limit }: TransferListing,
): Promise<TransferPage> {
  if (accountId !== undefined && reference === undefined) {
    const rows = await transfers.listByAccount({ accountId, seqBefore: seqPosition(after), limit })
    return { rows, position: (transfer) => String(seqOf(transfer, accountId)) }
  }
  const before = after === undefined ? undefined : decodeId('xfer', after)
  if (after !== undefined && before === undefined) throw problem('invalid_cursor')
  const rows =
    reference === undefined
      ? await transfers.listAll({ before, limit })
      : await transfers.listByReference({ reference, accountId, before, limit })
  return { rows, position: ({ id }) => encodeId('xfer', id) }
}

function seqOf(transfer: OwnedTransfer, accountId: Uuid): number {
  return transfer.debitAccountId === accountId ? transfer.debitSeq : transfer.creditSeq
}
