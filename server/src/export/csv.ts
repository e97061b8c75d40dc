/**
 * Transfers as CSV (RFC 4180): a line of names, then a line for each transfer, CRLF after every line.
 * Amounts and balances are in minor units, balances in the normal side of their account. Texts are
 * what people wrote, to the character: a spreadsheet must be told that they are texts.
 */
import { encodeId } from '../kernel/ids.ts'
import type { ExportFormat } from './format.ts'
import type { ExportedTransfer } from './store.ts'

type Cell = string | number | bigint | null

const columns: readonly (readonly [name: string, cell: (transfer: ExportedTransfer) => Cell])[] = [
  ['id', ({ id }) => encodeId('xfer', id)],
  ['kind', ({ kind }) => kind],
  ['created_at', ({ createdAt }) => createdAt.toISOString()],
  ['from_account_id', ({ debitAccountId }) => encodeId('acct', debitAccountId)],
  ['to_account_id', ({ creditAccountId }) => encodeId('acct', creditAccountId)],
  ['amount', ({ amount }) => amount],
  ['currency', ({ currency }) => currency],
  ['from_seq', ({ debitSeq }) => debitSeq],
  ['from_balance_after', ({ debitBalanceAfter }) => debitBalanceAfter],
  ['to_seq', ({ creditSeq }) => creditSeq],
  ['to_balance_after', ({ creditBalanceAfter }) => creditBalanceAfter],
  ['principal_id', ({ principalId }) => encodeId('user', principalId)],
  ['reverses_id', ({ reversesId }) => reversesId && encodeId('xfer', reversesId)],
  ['hold_id', ({ holdId }) => holdId && encodeId('hold', holdId)],
  ['group_id', ({ groupId }) => groupId && encodeId('group', groupId)],
  ['description', ({ description }) => description],
  ['reference', ({ reference }) => reference],
  ['metadata', ({ metadata }) => metadata && JSON.stringify(metadata)],
]

export function createCsvFormat(): ExportFormat {
  return {
    head: () => csvLine(columns.map(([name]) => name)),
    transfer: (transfer) => csvLine(columns.map(([, cell]) => cell(transfer))),
  }
}

function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

/** Empty for null: no text of a transfer is empty. */
function csvCell(cell: Cell): string {
  if (cell === null) return ''
  const text = String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
