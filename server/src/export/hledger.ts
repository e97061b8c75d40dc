/**
 * The book as a journal of plain text accounting, for hledger (https://hledger.org/hledger.html).
 *
 * - Debit is positive, so customers, whom the bank owes, stand below zero, as liabilities do there.
 * - Every posting asserts the balance that the ledger wrote down with the transfer, so that
 *   `hledger check` computes all of them again and compares. An account's transfers stand in the
 *   order of its seq and its dates never go back, which is the order that assertions are read in.
 * - Accounts are declared with their type and commodities with their decimals, so that
 *   `hledger check --strict` passes. Names are ids and codes: they stay, and say nothing of people.
 * - Words of people cannot be escaped there, so what would end them is replaced by its full-width
 *   sibling: `;` in a description, which begins a comment, and `,` in a tag, which ends it. They
 *   never stand where hledger reads dates, and a line never breaks: a journal can include files.
 */
import { assert, present } from '../kernel/assert.ts'
import { findCurrency, type CurrencyCode } from '../kernel/currency.ts'
import { encodeId, type Uuid } from '../kernel/ids.ts'
import type { ExportFormat } from './format.ts'
import type { ExportedAccount, ExportedTransfer } from './store.ts'

export interface HledgerOptions {
  /** The last position of the export, for the comment at its top. */
  position: number
  /** Decides the days. */
  timeZone: string
}

interface Named {
  name: string
  normalSide: 'debit' | 'credit'
}

export function createHledgerFormat({ position, timeZone }: HledgerOptions): ExportFormat {
  // Only the bank's own accounts are kept, of which there are few; a customer's has its name from
  // the transfer alone.
  const bankAccounts = new Map<Uuid, Named>()
  const exponents = new Map<CurrencyCode, number>()
  const dayOf = createCalendar(timeZone)

  function side(accountId: Uuid, ownerId: Uuid | null): Named {
    if (ownerId === null) return present(bankAccounts.get(accountId), 'a declared bank account')
    return { name: customerName(ownerId, accountId), normalSide: 'credit' }
  }

  function posting({ name, normalSide }: Named, debit: bigint, after: bigint, code: CurrencyCode) {
    const exponent = present(exponents.get(code), 'a declared commodity')
    const balance = normalSide === 'debit' ? after : -after
    const write = (amount: bigint) => `${code} ${decimal(amount, exponent)}`
    return `    ${name}  ${write(debit)} = ${write(balance)}\n`
  }

  return {
    head: () =>
      `; The book of a Tallystick bank up to position ${position}.\n` +
      `; Days are those of ${timeZone}; debit is positive.\n\n`,

    account(account) {
      const { id, currency } = account
      exponents.set(currency, present(findCurrency(currency), currency).exponent)
      if (account.ownerId !== null) {
        return `account ${customerName(account.ownerId, id)}  ; type:L\n`
      }
      const name = `bank:${present(account.code, 'the code of a bank account')}:${currency}`
      bankAccounts.set(id, { name, normalSide: account.normalSide })
      return `account ${name}  ; type:${typeOf(account)}\n`
    },

    opening() {
      const directives = [...exponents].map(([code, exponent]) => {
        // The decimal mark is wanted where there are no decimals too.
        return `commodity ${code} 1000.${'0'.repeat(exponent)}\n`
      })
      return `\n${directives.join('')}`
    },

    transfer(transfer) {
      const { currency } = transfer
      const amount = BigInt(transfer.amount)
      const debit = side(transfer.debitAccountId, transfer.debitOwnerId)
      const credit = side(transfer.creditAccountId, transfer.creditOwnerId)
      const words = transfer.description === null ? '' : ` ${description(transfer.description)}`
      return (
        `\n${dayOf(transfer.createdAt)} * (${encodeId('xfer', transfer.id)})${words}\n` +
        tagsOf(transfer)
          .map(([name, value]) => `    ; ${name}:${value}\n`)
          .join('') +
        posting(debit, amount, transfer.debitBalanceAfter, currency) +
        posting(credit, -amount, transfer.creditBalanceAfter, currency)
      )
    },
  }
}

function customerName(ownerId: Uuid, accountId: Uuid): string {
  return `customers:${encodeId('user', ownerId)}:${encodeId('acct', accountId)}`
}

/** Asset, revenue or liability; fees are what the bank earns. */
function typeOf({ normalSide, code }: ExportedAccount): 'A' | 'R' | 'L' {
  if (normalSide === 'debit') return 'A'
  return code === 'fees' ? 'R' : 'L'
}

function tagsOf(transfer: ExportedTransfer): [name: string, value: string][] {
  const { kind, createdAt, reference, metadata, reversesId, holdId, groupId } = transfer
  const tags: [string, string][] = [
    ['kind', kind],
    ['time', createdAt.toISOString()],
  ]
  if (reversesId !== null) tags.push(['reverses', encodeId('xfer', reversesId)])
  if (holdId !== null) tags.push(['hold', encodeId('hold', holdId)])
  if (groupId !== null) tags.push(['group', encodeId('group', groupId)])
  if (reference !== null) tags.push(['reference', tagValue(reference)])
  for (const [key, value] of Object.entries(metadata ?? {})) {
    tags.push([`metadata.${key.replaceAll(/[\s\p{Cc}:,;]/gu, '_')}`, tagValue(value)])
  }
  return tags
}

function description(words: string): string {
  return oneLine(words).replaceAll(';', '；')
}

function tagValue(words: string): string {
  return oneLine(words).replaceAll(',', '，')
}

/** The API lets no such character in; a journal that can include files does not rest on that. */
function oneLine(words: string): string {
  return words.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
}

/** Minor units with the decimal point at its place: `-1050` with exponent 2 is `-10.50`. */
function decimal(amount: bigint, exponent: number): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(exponent + 1, '0')
  const whole = digits.slice(0, digits.length - exponent)
  const rest = exponent === 0 ? '' : `.${digits.slice(-exponent)}`
  return `${amount < 0n ? '-' : ''}${whole}${rest}`
}

const bucketMilliseconds = 900_000

/** The day of a moment, `2026-11-22`. Every offset from UTC since 1972 is whole quarters of an hour. */
function createCalendar(timeZone: string): (moment: Date) => string {
  const calendar = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' })
  let bucket: number | undefined
  let day = ''
  return (moment) => {
    const wanted = Math.floor(moment.getTime() / bucketMilliseconds)
    if (wanted !== bucket) {
      bucket = wanted
      day = calendar.format(moment)
      assert(/^\d{4}-\d\d-\d\d$/.test(day), `not a day: ${day}`)
    }
    return day
  }
}
