import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { holdStoreOver } from '../../../test/support/memory-stores.ts'
import {
  acct,
  createRouteBank,
  presentBank,
  type RouteBank,
} from '../../../test/support/route-bank.ts'
import { encodeCursor } from '../http/paging.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import { encodeId, type Uuid } from '../kernel/ids.ts'
import type { Hold } from '../ledger/ledger.ts'
import { createHoldReadRoutes } from './read-routes.ts'
import type { HoldStore } from './store.ts'

let now: Date
const clock = { now: () => now }
let bank: RouteBank
let alices: Uuid
let bobs: Uuid

beforeEach(async () => {
  now = new Date('2026-01-15T09:30:00.000Z')
  bank = createRouteBank({ clock })
  alices = await bank.open(bank.alice, 'EUR', 1000)
  bobs = await bank.open(bank.bob, 'EUR', 1000)
})

const { ledger, rolesOf } = presentBank(() => bank)
const holds = holdStoreOver(() => bank.ledger, clock)

async function build(store: HoldStore) {
  return buildTestApp({ routes: [createHoldReadRoutes({ ledger, holds: store })], rolesOf })
}

let app: Awaited<ReturnType<typeof build>>
beforeAll(async () => {
  app = await build(holds)
})

async function get(url: string, user: Uuid = bank.alice, target = app) {
  return target.inject({ url, headers: { ...asUser(user), 'request-id': 'same' } })
}

function instruction(owner: Uuid) {
  return {
    principalId: owner,
    authority: 'owner',
    idempotencyKey: { key: bank.newUuid(), index: 0 },
    requestId: 'arrange',
  } as const
}

async function place(from: Uuid, to: Uuid, amount: number, expiresInSeconds = 60): Promise<Hold> {
  const outcome = await bank.ledger.hold({
    kind: 'hold',
    ...instruction((await bank.ledger.account(from))?.ownerId ?? ''),
    debit: { accountId: from },
    credit: { accountId: to },
    amount,
    currency: 'EUR',
    expiresInSeconds,
  })
  if (outcome.kind !== 'held') throw new Error(`not held: ${outcome.refusal.code}`)
  return outcome.hold
}

async function capture(holdId: Uuid, amount: number): Promise<void> {
  const words = { description: null, reference: null, metadata: null }
  const order = { kind: 'capture', holdId, amount, ...words } as const
  await bank.ledger.post({ ...order, ...instruction(bank.alice) })
}

const amounts = (body: { data: { amount: number }[] }) => body.data.map(({ amount }) => amount)
const idOf = ({ id }: Hold) => encodeId('hold', id)

describe('GET /v1/holds/{id}', () => {
  test('OK: how it stands, and not how it was placed', async () => {
    const hold = await place(alices, bobs, 100)
    const url = `/v1/holds/${idOf(hold)}`
    const before = await get(url)
    expect(before.statusCode).toBe(200)
    expect(before.json()).toEqual({
      id: idOf(hold),
      from_account_id: acct(alices),
      to_account_id: acct(bobs),
      amount: 100,
      captured: 0,
      currency: 'EUR',
      state: 'active',
      expires_at: '2026-01-15T09:31:00.000Z',
      created_at: '2026-01-15T09:30:00.000Z',
    })
    await capture(hold.id, 60)
    expect((await get(url)).json()).toMatchObject({ state: 'captured', amount: 100, captured: 60 })
  })

  test('one that is overdue is expired, whether or not that has been written down', async () => {
    const hold = await place(alices, bobs, 100)
    const url = `/v1/holds/${idOf(hold)}`
    now = new Date('2026-01-15T09:30:59.999Z')
    expect((await get(url)).json().state).toBe('active')
    now = new Date('2026-01-15T09:31:00.000Z')
    expect((await get(url)).json().state).toBe('expired')
    await bank.ledger.expireHolds([alices])
    expect((await get(url)).json()).toMatchObject({ state: 'expired', captured: 0 })
  })

  test('staff read it', async () => {
    const url = `/v1/holds/${idOf(await place(alices, bobs, 100))}`
    const own = await get(url)
    for (const user of [bank.teller, bank.auditor, bank.admin]) {
      expect((await get(url, user)).body).toBe(own.body)
    }
  })

  test('the receiver and strangers get the same bytes as for none', async () => {
    const hold = await place(alices, bobs, 100)
    const notFound = await get(`/v1/holds/${encodeId('hold', bank.newUuid())}`)
    expect(notFound.json()).toMatchObject({ status: 404, code: 'hold_not_found' })
    for (const user of [bank.bob, bank.newUuid()]) {
      expect((await get(`/v1/holds/${idOf(hold)}`, user)).body).toBe(notFound.body)
    }
  })

  test('NoAuthorization, InvalidID, InternalError', async () => {
    const url = `/v1/holds/${encodeId('hold', bank.newUuid())}`
    expect((await app.inject(url)).statusCode).toBe(401)
    expect((await get(`/v1/holds/${acct(alices)}`)).statusCode).toBe(400)
    const find = vi.fn<HoldStore['find']>().mockRejectedValue(new Error('secret'))
    const broken = await get(url, bank.alice, await build({ ...holds, find }))
    expect(broken.json()).toMatchObject({ status: 500, code: 'internal_error' })
    expect(broken.body).not.toContain('secret')
  })
})

describe('GET /v1/holds', () => {
  test('OK: what is held on an account, newest first, page by page', async () => {
    for (const amount of [1, 2, 3]) await place(alices, bobs, amount)
    await place(bobs, alices, 4)
    const url = `/v1/holds?account_id=${acct(alices)}&limit=2`
    const first = (await get(url)).json()
    expect(amounts(first)).toEqual([3, 2])
    const second = (await get(`${url}&cursor=${first.next_cursor}`)).json()
    expect(amounts(second)).toEqual([1])
    expect(second.next_cursor).toBeNull()
  })

  test('OK: by state, where the overdue ones are expired', async () => {
    await place(alices, bobs, 1, 30)
    await place(alices, bobs, 2)
    await capture((await place(alices, bobs, 3)).id, 3)
    const order = { kind: 'release', holdId: (await place(alices, bobs, 4)).id } as const
    await bank.ledger.hold({ ...order, ...instruction(bank.alice) })
    now = new Date('2026-01-15T09:30:30.000Z')
    const inState = async (state: string) =>
      amounts((await get(`/v1/holds?account_id=${acct(alices)}&state=${state}`)).json())
    expect(await inState('active')).toEqual([2])
    expect(await inState('captured')).toEqual([3])
    expect(await inState('released')).toEqual([4])
    expect(await inState('expired')).toEqual([1])
  })

  test('staff may leave the account out', async () => {
    await place(alices, bobs, 1)
    await place(bobs, alices, 2)
    const all = (await get('/v1/holds', bank.teller)).json()
    expect(amounts(all)).toEqual([2, 1])
    const ofAlice = await get(`/v1/holds?account_id=${acct(alices)}`, bank.auditor)
    expect(amounts(ofAlice.json())).toEqual([1])
  })

  test('a customer must name an account', async () => {
    expect((await get('/v1/holds?state=active')).json()).toMatchObject({
      status: 400,
      code: 'validation_failed',
      errors: [{ pointer: 'account_id', code: 'required' }],
    })
  })

  test("another's account has the same bytes as an absent one", async () => {
    const notYours = await get(`/v1/holds?account_id=${acct(bobs)}`)
    const notFound = await get(`/v1/holds?account_id=${acct(bank.newUuid())}`)
    expect(notYours.json()).toMatchObject({ status: 404, code: 'account_not_found' })
    expect(notFound.body).toBe(notYours.body)
  })

  test('a cursor of other filters is refused, and one that was made up', async () => {
    await place(alices, bobs, 1)
    await place(alices, bobs, 2)
    const url = `/v1/holds?account_id=${acct(alices)}`
    const { next_cursor: cursor } = (await get(`${url}&limit=1`)).json()
    expect(cursor).toEqual(expect.any(String))
    const list = JSON.stringify(['holds', alices, undefined])
    const forged = encodeCursor('7', { list, userId: bank.alice })
    for (const query of [`&state=active&cursor=${cursor}`, '&cursor=abc', `&cursor=${forged}`]) {
      // oxlint-disable-next-line no-await-in-loop
      const response = await get(`${url}${query}`)
      expect(response.json()).toMatchObject({ status: 400, code: 'invalid_cursor' })
    }
  })

  test.each(['account_id=1', 'state=gone', 'state=', 'reference=x', 'limit=0'])(
    'an invalid query is 400: %s',
    async (query) => {
      const response = await get(`/v1/holds?${query}`, bank.teller)
      expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
    },
  )
})
