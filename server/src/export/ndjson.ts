/**
 * Transfers as lines of JSON, each a `Transfer` of the API with what the owners of both sides see
 * together. The bank's own side has no entry there: its balances outgrow JSON's integers.
 */
import { renderTransfer } from '../transfers/transfers.ts'
import type { ExportFormat } from './format.ts'

export function createNdjsonFormat(): ExportFormat {
  return {
    head: () => '',
    transfer(transfer) {
      const payer = transfer.debitOwnerId !== null
      const receiver = transfer.creditOwnerId !== null
      return `${JSON.stringify(renderTransfer(transfer, { payer, receiver }))}\n`
    },
  }
}
