import { expect, test } from 'vitest'
import { createWatch } from './watch.ts'

const account = (version: number, ledger_balance: number) => ({
  id: 'acct_a',
  version,
  ledger_balance,
})
const entry = (seq: number, amount: number, balance_after: number) => ({
  seq,
  amount,
  balance_after,
})

/** What is wrong about the readings that `see` makes. */
function complaintsAbout(see: (watch: ReturnType<typeof createWatch>) => void): string[] {
  const watch = createWatch()
  see(watch)
  expect(watch.checked).toBeGreaterThan(0)
  return watch.takeViolations().map(({ text }) => text)
}

test('an account that goes forward is fine, and so is a late answer to an early reading', () => {
  const complaints = complaintsAbout((watch) => {
    watch.sawAccount('A', 0, account(3, 30))
    watch.sawAccount('B', watch.floorOf('acct_a'), account(4, 25))
    watch.sawAccount('A', 3, account(3, 30))
    watch.sawEntries('B', 4, 'acct_a', { data: [entry(4, -5, 25), entry(3, 10, 30)] })
  })
  expect(complaints).toEqual([])
})

test('an account that goes back is told, on whichever server', () => {
  const complaints = complaintsAbout((watch) => {
    watch.sawAccount('A', 0, account(4, 25))
    watch.sawAccount('B', watch.floorOf('acct_a'), account(3, 30))
  })
  expect(complaints).toHaveLength(1)
})

test('a reading that misses an acknowledged transfer is told', () => {
  const complaints = complaintsAbout((watch) => {
    const transfer = { id: 'xfer_1', from_account_id: 'acct_a', from_entry: entry(7, -1, 99) }
    watch.sawPosted('A', JSON.stringify(transfer))
    watch.sawEntries('B', watch.floorOf('acct_a'), 'acct_a', { data: [entry(6, 1, 100)] })
  })
  expect(complaints).toHaveLength(1)
})

test('one version with two balances is told', () => {
  const complaints = complaintsAbout((watch) => {
    watch.sawAccount('A', 0, account(3, 30))
    watch.sawAccount('B', 3, account(3, 31))
  })
  expect(complaints).toHaveLength(1)
})

test.each([
  ['a gap', [entry(4, -5, 25), entry(2, 10, 30)]],
  ['a balance that does not follow', [entry(4, -5, 25), entry(3, 10, 31)]],
])('entries with %s are told', (_, data) => {
  const complaints = complaintsAbout((watch) => watch.sawEntries('A', 0, 'acct_a', { data }))
  expect(complaints).toHaveLength(1)
})
