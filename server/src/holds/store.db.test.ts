import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  cash,
  createStoreBank,
  explain,
  type PlanNode,
  type StoreBank,
} from '../../../test/support/store-bank.ts'
import { makeOverdue } from '../../../test/support/overdue.ts'
import { present } from '../kernel/assert.ts'
import type { Uuid } from '../kernel/ids.ts'
import type { Hold, HoldState } from '../ledger/ledger.ts'
import { holdStates } from './schema.ts'
import { createHoldStore, type HoldStore, type OwnedHold } from './store.ts'

let bank: StoreBank
let store: HoldStore
let alice: Uuid
let from: Uuid
let to: Uuid
/** One of each state, oldest first; `overdue` is past its end and still written down as active. */
let active: Hold
let captured: Hold
let released: Hold
let overdue: Hold

beforeAll(async () => {
  bank = await createStoreBank()
  store = createHoldStore(bank)
  alice = await bank.user('alice')
  from = await bank.open(alice)
  to = await bank.open(await bank.user('bob'))
  await bank.post({ debit: cash, credit: { accountId: from }, amount: 1000 })
  active = await place(1)
  captured = await place(20)
  released = await place(3)
  overdue = await place(4)
  const words = { description: null, reference: null, metadata: null }
  const capture = { kind: 'capture', holdId: captured.id, amount: 12, ...words } as const
  await bank.ledger.post({ ...capture, ...asked() })
  await bank.ledger.hold({ kind: 'release', holdId: released.id, ...asked() })
  await makeOverdue(bank.owner, [overdue.id])
})

afterAll(async () => {
  await bank.close()
})

function asked() {
  return {
    principalId: alice,
    authority: 'owner',
    idempotencyKey: { key: bank.newUuid(), index: 0 },
    requestId: 'arrange',
  } as const
}

async function place(amount: number): Promise<Hold> {
  const outcome = await bank.ledger.hold({
    kind: 'hold',
    ...asked(),
    debit: { accountId: from },
    credit: { accountId: to },
    amount,
    currency: 'EUR',
    expiresInSeconds: 600,
  })
  if (outcome.kind !== 'held') throw new Error(`not held: ${outcome.refusal.code}`)
  return outcome.hold
}

const idsOf = (holds: readonly { id: Uuid }[]) => holds.map(({ id }) => id)
const page = { state: undefined, before: undefined, limit: 9 }

describe('find', () => {
  test('gives the hold as it stands, and whose money it is', async () => {
    const expected: OwnedHold = { ...active, ownerId: alice }
    expect(await store.find(active.id)).toEqual(expected)
    expect(await store.find(captured.id)).toEqual({
      ...captured,
      state: 'captured',
      captured: 12,
      ownerId: alice,
    })
    expect(await store.find(released.id)).toMatchObject({ state: 'released', captured: 0 })
  })

  test('one that is past its end is expired, also while that is not written down', async () => {
    const query = 'select state from hold where id = $1'
    const { rows } = await bank.owner.query(query, [overdue.id])
    expect(rows).toEqual([{ state: 'active' }])
    expect(await store.find(overdue.id)).toMatchObject({ state: 'expired' })
  })

  test('there is nothing under another id', async () => {
    expect(await store.find(bank.newUuid())).toBeUndefined()
  })
})

describe('list', () => {
  test('on an account, newest first, page by page', async () => {
    const newest = idsOf([overdue, released, captured, active])
    const first = await store.list({ ...page, accountId: from, limit: 3 })
    expect(idsOf(first)).toEqual(newest.slice(0, 3))
    const rest = await store.list({ ...page, accountId: from, before: newest[2] })
    expect(idsOf(rest)).toEqual(newest.slice(3))
    expect(await store.list({ ...page, accountId: to })).toEqual([])
  })

  test('of all accounts', async () => {
    expect(await store.list({ ...page, accountId: undefined })).toHaveLength(4)
  })

  test('by state, as it is shown', async () => {
    for (const [state, hold] of Object.entries({ active, captured, released, expired: overdue })) {
      const { 0: only, length } = await store.list({
        ...page,
        accountId: from,
        state: asState(state),
      })
      expect({ state: only?.state, id: only?.id, length }).toEqual({
        state,
        id: hold.id,
        length: 1,
      })
    }
  })
})

describe('with many holds', () => {
  const perAccount = 2000
  let crowded: Uuid

  beforeAll(async () => {
    crowded = await bank.open(alice)
    await bank.owner.query(
      `insert into hold (id, principal_id, debit_account_id, credit_account_id, amount, currency,
          expires_at, created_at, state, resolved_at)
        select gen_random_uuid(), $1, case when n % 10 = 0 then $2::uuid else gen_random_uuid() end, $3,
          1, 'EUR', moment + interval '1 hour', moment,
          case when n % 500 = 0 then 'active' else 'released' end,
          case when n % 500 = 0 then null else moment end
        from generate_series(1, $4::integer) as n,
          (select bank_now() - interval '2 hours' as moment) as past`,
      [alice, crowded, to, perAccount * 10],
    )
    await bank.owner.query('vacuum analyze hold')
  })

  test.each([undefined, 'active', 'expired', 'released'] as const)(
    'a page of an account goes by an index, in state %s',
    async (state) => {
      await store.list({ ...page, accountId: crowded, state, limit: 21 })
      const nodes = await explain(bank, present(bank.queries.at(-1), 'the query'))
      expect(scanned(nodes)).not.toContain('hold')
      expect(nodes.map(({ index }) => index?.split('_')[0])).toContain('hold')
      // At worst all that the account has, where hardly any is in that state.
      expect(present(nodes[0], 'the top').buffers).toBeLessThanOrEqual(perAccount / 2)
    },
  )

  test('a page of all goes by the primary key', async () => {
    await store.list({ ...page, accountId: undefined, limit: 21 })
    const nodes = await explain(bank, present(bank.queries.at(-1), 'the query'))
    expect(nodes.map(({ index }) => index)).toContain('hold_pkey')
    expect(scanned(nodes)).not.toContain('hold')
    expect(present(nodes[0], 'the top').buffers).toBeLessThanOrEqual(50)
  })
})

function scanned(nodes: readonly PlanNode[]) {
  return nodes.filter(({ type }) => type === 'Seq Scan').map(({ relation }) => relation)
}

function asState(text: string): HoldState {
  return present(
    holdStates.find((state) => state === text),
    'a state',
  )
}
