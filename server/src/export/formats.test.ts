import { describe, expect, test } from 'vitest'
import { createUuidSource, encodeId } from '../kernel/ids.ts'
import { createCsvFormat } from './csv.ts'
import { createHledgerFormat } from './hledger.ts'
import { createNdjsonFormat } from './ndjson.ts'
import type { ExportedAccount, ExportedTransfer } from './store.ts'

const newId = createUuidSource()
const [owner, customer, cash, principal, id] = [newId(), newId(), newId(), newId(), newId()]

const deposit: ExportedTransfer = {
  id,
  kind: 'deposit',
  principalId: principal,
  debitAccountId: cash,
  creditAccountId: customer,
  debitOwnerId: null,
  creditOwnerId: owner,
  amount: 1050,
  currency: 'EUR',
  description: null,
  reference: null,
  metadata: null,
  debitSeq: 7,
  creditSeq: 1,
  debitBalanceAfter: 90_071_992_547_409_930n,
  creditBalanceAfter: 1050n,
  reversesId: null,
  holdId: null,
  groupId: null,
  createdAt: new Date('2026-11-22T23:30:00.123Z'),
}

function accountsIn(currency: string): ExportedAccount[] {
  return [
    { id: cash, currency, normalSide: 'debit', ownerId: null, code: 'cash' },
    { id: customer, currency, normalSide: 'credit', ownerId: owner, code: null },
  ]
}

const customerName = `customers:${encodeId('user', owner)}:${encodeId('acct', customer)}`

function journal(transfer: Partial<ExportedTransfer>, timeZone = 'UTC'): string {
  const format = createHledgerFormat({ position: 3, timeZone })
  const currency = transfer.currency ?? 'EUR'
  const accounts = accountsIn(currency).map((account) => format.account?.(account))
  const text = format.transfer({ ...deposit, ...transfer })
  return [...accounts, format.opening?.(), text].join('')
}

describe('hledger', () => {
  test('a deposit debits cash and credits the customer, with the balances as assertions', () => {
    expect(journal({})).toBe(
      `account bank:cash:EUR  ; type:A\naccount ${customerName}  ; type:L\n\n` +
        `commodity EUR 1000.00\n\n` +
        `2026-11-22 * (${encodeId('xfer', id)})\n` +
        `    ; kind:deposit\n    ; time:2026-11-22T23:30:00.123Z\n` +
        `    bank:cash:EUR  EUR 10.50 = EUR 900719925474099.30\n` +
        `    ${customerName}  EUR -10.50 = EUR -10.50\n`,
    )
  })

  test.each([
    ['KRW', 'commodity KRW 1000.\n', 'KRW 1050 ', 'KRW -1050 = KRW -1050\n'],
    ['KWD', 'commodity KWD 1000.000\n', 'KWD 1.050 ', 'KWD -1.050 = KWD -1.050\n'],
    ['CLF', 'commodity CLF 1000.0000\n', 'CLF 0.1050 ', 'CLF -0.1050 = CLF -0.1050\n'],
  ])('%s has the decimals of ISO 4217', (currency, directive, debit, credit) => {
    const text = journal({ currency })
    for (const part of [directive, debit, credit]) expect(text).toContain(part)
  })

  test('a transfer has the day that it was made on in the time zone of the bank', () => {
    expect(journal({}, 'Europe/Berlin')).toContain('\n2026-11-23 * (xfer_')
    expect(journal({}, 'America/New_York')).toContain('\n2026-11-22 * (xfer_')
  })

  test('fees are revenue, and an account of the bank is called by its code', () => {
    const format = createHledgerFormat({ position: 1, timeZone: 'UTC' })
    const account = { id: cash, currency: 'USD', normalSide: 'credit', ownerId: null } as const
    expect(format.account?.({ ...account, code: 'fees' })).toBe('account bank:fees:USD  ; type:R\n')
    expect(format.account?.({ ...account, code: 'settlement:ach', normalSide: 'debit' })).toBe(
      'account bank:settlement:ach:USD  ; type:A\n',
    )
  })

  test('what a transfer belongs to is in tags', () => {
    const text = journal({ reversesId: owner, holdId: customer, groupId: cash, reference: 'INV-1' })
    expect(text).toContain(
      `    ; reverses:${encodeId('xfer', owner)}\n    ; hold:${encodeId('hold', customer)}\n` +
        `    ; group:${encodeId('group', cash)}\n    ; reference:INV-1\n`,
    )
  })

  test('words can neither begin a line, nor a comment in a description, nor end a tag', () => {
    const words = 'a; b, c\ninclude /etc/passwd\u2028\r\u0085x'
    const text = journal({ description: words, reference: words, metadata: { 'k y:,;': words } })
    expect(text.split('\n')).toHaveLength(journal({}).split('\n').length + 2)
    expect(text).toContain(') a； b, c include /etc/passwd   x\n')
    expect(text).toContain('; reference:a; b， c include /etc/passwd   x\n')
    expect(text).toContain('; metadata.k_y___:a; b， c include /etc/passwd   x\n')
  })
})

describe('csv', () => {
  const format = createCsvFormat()
  const names = format.head().trimEnd().split(',')

  test('every line has every column, and ends with CRLF', () => {
    expect(names).toContain('reverses_id')
    const line = format.transfer(deposit)
    expect(line).toMatch(/[^\r\n]\r\n$|,\r\n$/)
    expect(line.split(',')).toHaveLength(names.length)
    expect(line).toContain(',1050,EUR,7,90071992547409930,1,1050,user_')
  })

  test('quotes, commas and line breaks are quoted, and nothing else is', () => {
    const line = format.transfer({
      ...deposit,
      description: 'a "b", c',
      reference: '=1+1; d',
      metadata: { a: 'b' },
    })
    expect(line).toContain(`,"a ""b"", c",=1+1; d,"{""a"":""b""}"\r\n`)
  })
})

describe('ndjson', () => {
  const format = createNdjsonFormat()

  test('the customer has an entry and the bank, whose balance outgrows it, has none', () => {
    const line = format.transfer(deposit)
    expect(line.indexOf('\n')).toBe(line.length - 1)
    const parsed: unknown = JSON.parse(line)
    expect(parsed).toMatchObject({ id: encodeId('xfer', id), to_entry: { balance_after: 1050 } })
    expect(parsed).not.toHaveProperty('from_entry')
  })

  test('a line break in words does not break the line', () => {
    const line = format.transfer({ ...deposit, description: 'a\nb' })
    expect(line.indexOf('\n')).toBe(line.length - 1)
  })
})
