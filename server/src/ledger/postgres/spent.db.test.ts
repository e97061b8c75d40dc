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
  // A hold in every state, one every third second from the 21,000th on, 3000 in all: those that were
  // captured by the transfer that left the account then. Their ids are of another clock.
  await bank.owner.query(`
    begin;
    alter table transfer disable trigger user;
    create temporary table captured on commit drop as
      select id, created_at from transfer
      where debit_account_id = '${filling.busy}' and created_at >= '${second(21_000).toISOString()}'
        and debit_seq / 2 % 4 = 1;
    update transfer set kind = 'capture' where id in (select id from captured);
    insert into transfer_link (transfer_id, hold_id) select id, id from captured;
    insert into hold (id, principal_id, debit_account_id, credit_account_id, amount, currency,
        expires_at, created_at, state, captured, resolved_at, transfer_id)
      select id, debit_account_id, debit_account_id, credit_account_id, 10, 'EUR',
        created_at + interval '1 day', created_at, state, case state when 'captured' then 1 else 0 end,
        case state when 'active' then null else created_at end,
        case state when 'captured' then id end
      from transfer, lateral (
        select (array['active', 'captured', 'released', 'expired'])[1 + debit_seq / 2 % 4] as state
      ) as s
      where debit_account_id = '${filling.busy}' and created_at >= '${second(21_000).toISOString()}';
    alter table transfer enable trigger user;
    commit`)
  for (const table of ['hold', 'transfer', 'transfer_link']) {
    await bank.owner.query(`vacuum analyze ${table}`)
  }
})

afterAll(async () => {
  await bank.close()
})

/** When that transfer of the filling was booked: there is one a second, of 1 minor unit. */
const second = (count: number) => new Date(Date.UTC(2026, 0, 1) + count * 1000)

test.each([
  // Each third transfer leaves the account.
  ['the last hundred seconds', 29_900, 33n + 8n * 10n],
  ['all that is held too', 20_900, 3033n + 750n * 10n],
  ['everything', 0, 10_000n + 750n * 10n],
  ['a moment to come', 30_000, 0n],
])('what left since then is summed exactly: %s', async (_, count, expected) => {
  expect(await readSpent(bank.kysely, filling.busy, second(count))).toBe(expected)
})

test('the sum of a short day in a long life is read through the indexes', async () => {
  await readSpent(bank.kysely, filling.busy, second(29_900))
  const nodes = await explain(bank, present(bank.queries.at(-1), 'a query'))
  expect(nodes.filter(({ type }) => type === 'Seq Scan')).toEqual([])
  expect(present(nodes[0], 'a plan').buffers).toBeLessThanOrEqual(300)
})

test('an account that is not there has spent nothing', async () => {
  expect(await readSpent(bank.kysely, bank.newUuid(), second(0))).toBe(0n)
})
