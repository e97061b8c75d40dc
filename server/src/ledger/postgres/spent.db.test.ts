import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createStoreBank,
  explain,
  fillTransfers,
  type Filling,
  type StoreBank,
} from '../../../../test/support/store-bank.ts'
import { present } from '../../kernel/assert.ts'
import { readSpent } from './spent.ts'

let bank: StoreBank
let filling: Filling

beforeAll(async () => {
  bank = await createStoreBank()
  filling = await fillTransfers(bank)
  // A hold in every state, one a second from the 20,000th on, 1000 in all.
  await bank.owner.query(
    `insert into hold (id, principal_id, debit_account_id, credit_account_id, amount, currency,
       expires_at, created_at, state, captured, resolved_at, transfer_id)
     select (lpad(to_hex(extract(epoch from at)::bigint * 1000), 12, '0')
         || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid, $1, $1,
       '00000000-0000-7000-8000-000000000001', 10, 'EUR', at + interval '1 day', at, state,
       case state when 'captured' then 4 else 0 end,
       case state when 'active' then null else at end,
       case state when 'captured' then '00000000-0000-7000-8000-000000000002'::uuid end
     from generate_series(0, 999) n,
       lateral (select '2026-01-01T00:00:00Z'::timestamptz + (20000 + n) * interval '1 second' as at,
         (array['active', 'captured', 'released', 'expired'])[1 + n % 4] as state) as h`,
    [filling.busy],
  )
  await bank.owner.query('vacuum analyze hold')
})

afterAll(async () => {
  await bank.close()
})

/** When that transfer of the filling was booked: there is one a second, of 1 minor unit. */
const second = (count: number) => new Date(Date.UTC(2026, 0, 1) + count * 1000)

test.each([
  // Each third transfer leaves the account.
  ['the last hundred seconds', 29_900, 33n],
  ['the last hundred holds too', 20_900, 3033n + 25n * 10n + 25n * 4n],
  ['everything', 0, 10_000n + 250n * 10n + 250n * 4n],
  ['a moment to come', 30_000, 0n],
])('what left since then is summed exactly: %s', async (_, count, expected) => {
  expect(await readSpent(bank.kysely, filling.busy, second(count))).toBe(expected)
})

test('the sum of a short day in a long life is read through the indexes', async () => {
  await readSpent(bank.kysely, filling.busy, second(29_900))
  const nodes = await explain(bank, present(bank.queries.at(-1), 'a query'))
  // All holds of the filling are of two days, so reading that small table whole is right.
  const read = nodes.filter(({ relation }) => relation === 'transfer')
  expect(read.filter(({ type }) => type === 'Seq Scan')).toEqual([])
  expect(present(nodes[0], 'a plan').buffers).toBeLessThanOrEqual(300)
})

test('an account that is not there has spent nothing', async () => {
  expect(await readSpent(bank.kysely, bank.newUuid(), second(0))).toBe(0n)
})
