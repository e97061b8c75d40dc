import { describe, expect, test } from 'vitest'
import { describeReport, describeTrialBalance } from './audit.ts'
import { withoutLastLineEnd } from './password.ts'
import { formatMinor, formatTable } from './table.ts'

test.each([
  [0n, 2, '0.00'],
  [5n, 2, '0.05'],
  [-5n, 2, '-0.05'],
  [123_456_789n, 2, '1,234,567.89'],
  [123_456n, 0, '123,456'],
  [1050n, 3, '1.050'],
  [999n, 2, '9.99'],
])('%d minor units with exponent %d are written %s', (amount, exponent, text) => {
  expect(formatMinor(amount, exponent)).toBe(text)
})

test('columns are as wide as their widest cell, and flush right where asked', () => {
  expect(
    formatTable(
      [
        ['a', 'amount'],
        ['longer', '1'],
      ],
      [1],
    ),
  ).toBe('a       amount\nlonger       1')
})

test.each([
  ['secret\n', 'secret'],
  ['secret\r\n', 'secret'],
  ['secret', 'secret'],
  [' with blanks \n\n', ' with blanks \n'],
])('the password of %j is %j', (input, password) => {
  expect(withoutLastLineEnd(input)).toBe(password)
})

describe('the verdict of the auditor', () => {
  const scope = {
    at: new Date('2026-11-22T23:30:00Z'),
    accountCount: 3,
    transferCount: 7,
    checkCount: 28,
  }

  test('without findings is one line, with the time of the bank', () => {
    expect(describeReport({ ...scope, findings: [] }, 'Europe/Berlin')).toBe(
      'The books are right: 28 checks over 3 accounts and 7 transfers, ' +
        'as of 2026-11-23 00:30:00 Europe/Berlin.',
    )
  })

  test('with findings shows each guarantee that is broken, its rows, and how many more', () => {
    const finding = {
      check: 'entry_seq',
      guarantee: 'seq has no gaps',
      count: 12,
      rows: [{ account_id: 'x', seq: 2 }],
    }
    const text = describeReport({ ...scope, findings: [finding] }, 'UTC')
    expect(text).toContain('THE BOOKS ARE WRONG')
    expect(text).toContain(
      'entry_seq: seq has no gaps\n  {"account_id":"x","seq":2}\n  and 11 more',
    )
  })
})

test('a trial balance shows each currency in its own units, and says when it does not balance', () => {
  const lines = [
    { code: 'cash', accountCount: 1, debit: 1050n, credit: 0n, held: 0n },
    { code: null, accountCount: 2, debit: 0n, credit: 1050n, held: 70n },
  ]
  const text = describeTrialBalance([
    { currency: 'EUR', lines, debit: 1050n, credit: 1050n, held: 70n },
    { currency: 'KRW', lines, debit: 1050n, credit: 1049n, held: 70n },
  ])
  expect(text).toMatch(
    /^EUR +debit +credit +held\ncash +10\.50 +0\.00 +0\.00\ncustomers \(2\) +0\.00 +10\.50 +0\.70$/m,
  )
  expect(text).toMatch(/^balanced +10\.50 +10\.50 +0\.70$/m)
  expect(text).toMatch(/^NOT BALANCED +1,050 +1,049 +70$/m)
})
