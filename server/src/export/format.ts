/** How a book is written down: what comes before the transfers, each transfer, and what comes last. */
import type { ExportedAccount, ExportedTransfer } from './store.ts'

/** The formats by the name that the command takes. */
export const formatNames = ['hledger', 'csv', 'ndjson'] as const
export type FormatName = (typeof formatNames)[number]

export interface ExportFormat {
  /** Before everything else. */
  head: () => string
  /** Every account of the book in turn, where a format has to declare them; all before `opening`. */
  account?: (account: ExportedAccount) => string
  /** After the accounts and before the transfers. */
  opening?: () => string
  transfer: (transfer: ExportedTransfer) => string
}
