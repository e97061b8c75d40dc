import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { transferStoreOver } from '../../../test/support/memory-stores.ts'
import {
  acct,
  createRouteBank,
  presentBank,
  testCurrencies,
  type RouteBank,
} from '../../../test/support/route-bank.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import { encodeCursor } from '../http/paging.ts'
import { encodeId, type Uuid } from '../kernel/ids.ts'
import { createTransferRoutes } from './routes.ts'
import type { TransferStore } from './store.ts'

let bank: RouteBank
let alices: Uuid
let bobs: Uuid

async function pay(from: Uuid, to: Uuid, amount: number, reference: string | null = null) {
  const principalId = (await bank.ledger.account(from))?.ownerId ?? ''
  const outcome = await bank.ledger.post({
    kind: 'transfer',
    principalId,
    authority: 'owner',
    idempotencyKey: { key: bank.newUuid(), index: 0 },
    requestId: 'arrange',
    debit: { accountId: from },
    credit: { accountId: to },
    amount,
    currency: 'EUR',
    description: null,
    reference,
    metadata: { note: 'of the payer' },
  })
  if (outcome.kind !== 'posted') throw new Error(`not posted: ${outcome.refusal.code}`)
  return outcome.transfer
}

const { ledger, rolesOf } = presentBank(() => bank)

async function build(store: TransferStore) {
  const routes = createTransferRoutes({ ledger, transfers: store, currencies: testCurrencies })
  return buildTestApp({ routes: [routes], rolesOf })
}

const transfers = transferStoreOver(() => bank.ledger)

let app: Awaited<ReturnType<typeof build>>
beforeAll(async () => {
  app = await build(transfers)
})

async function get(url: string, user: Uuid = bank.alice, store?: TransferStore) {
  const target = store ? await build(store) : app
  return target.inject({ url, headers: { ...asUser(user), 'request-id': 'same' } })
}

beforeEach(async () => {
  bank = createRouteBank()
  alices = await bank.open(bank.alice, 'EUR', 1000)
  bobs = await bank.open(bank.bob, 'EUR', 1000)
})

describe('GET /v1/transfers/{id}', () => {
  test('OK: the payer sees the entry of the payer and the metadata', async () => {
    const { id } = await pay(alices, bobs, 100, 'INV-1')
    const response = await get(`/v1/transfers/${encodeId('xfer', id)}`)
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({
      id: encodeId('xfer', id),
      kind: 'transfer',
      reference: 'INV-1',
      metadata: { note: 'of the payer' },
      from_entry: { seq: 2, amount: -100, balance_after: 900 },
    })
    expect(response.json()).not.toHaveProperty('to_entry')
  })

  test('OK: the receiver sees the entry of the receiver, and no more', async () => {
    const { id } = await pay(alices, bobs, 100)
    const body = (await get(`/v1/transfers/${encodeId('xfer', id)}`, bank.bob)).json()
    expect(body.to_entry).toMatchObject({
      seq: 2,
      amount: 100,
      balance_after: 1100,
      counterparty: { account_id: acct(alices) },
    })
    expect(body).not.toHaveProperty('from_entry')
    expect(body).not.toHaveProperty('metadata')
  })

  test('who is both sees both sides', async () => {
    const { id } = await pay(alices, await bank.open(bank.alice), 100)
    const body = (await get(`/v1/transfers/${encodeId('xfer', id)}`)).json()
    expect(body.from_entry.balance_after).toBe(900)
    expect(body.to_entry.balance_after).toBe(100)
  })

  test('staff read it without entries and metadata', async () => {
    const { id } = await pay(alices, bobs, 100)
    for (const user of [bank.teller, bank.auditor, bank.admin]) {
      const body = (await get(`/v1/transfers/${encodeId('xfer', id)}`, user)).json()
      expect(Object.keys(body)).toEqual([
        'id',
        'kind',
        'from_account_id',
        'to_account_id',
        'amount',
        'currency',
        'description',
        'reference',
        'reverses_id',
        'hold_id',
        'group_id',
        'created_at',
        'reversed_amount',
      ])
    }
  })

  test('UnauthorizedUser has the same bytes as NotFound', async () => {
    const { id } = await pay(alices, bobs, 100)
    const stranger = bank.newUuid()
    const notYours = await get(`/v1/transfers/${encodeId('xfer', id)}`, stranger)
    const notFound = await get(`/v1/transfers/${encodeId('xfer', bank.newUuid())}`, stranger)
    expect(notYours.statusCode).toBe(404)
    expect(notYours.json().code).toBe('transfer_not_found')
    expect(notFound.body).toBe(notYours.body)
  })

  test('NoAuthorization, InvalidID, InternalError', async () => {
    const url = `/v1/transfers/${encodeId('xfer', bank.newUuid())}`
    expect((await app.inject(url)).statusCode).toBe(401)
    expect((await get(`/v1/transfers/${acct(alices)}`)).statusCode).toBe(400)
    const find = vi.fn<TransferStore['find']>().mockRejectedValue(new Error('secret'))
    const broken = await get(url, bank.alice, { ...transfers, find })
    expect(broken.json()).toMatchObject({ status: 500, code: 'internal_error' })
    expect(broken.body).not.toContain('secret')
  })
})

describe('GET /v1/transfers', () => {
  test('OK: all of an account, newest first, page by page, each as the reader may see it', async () => {
    // So that the two accounts are not at the same seq.
    await pay(bobs, await bank.open(bank.bob), 1)
    await pay(bobs, await bank.open(bank.bob), 1)
    await pay(alices, bobs, 10)
    await pay(bobs, alices, 20)
    await pay(alices, bobs, 30)
    const url = `/v1/transfers?account_id=${acct(alices)}&limit=3`
    const first = (await get(url)).json()
    expect(first.data.map(({ amount }: { amount: number }) => amount)).toEqual([30, 20, 10])
    expect(first.data[0]).toHaveProperty('from_entry')
    expect(first.data[1]).not.toHaveProperty('from_entry')
    expect(first.data[1]).toHaveProperty('to_entry')
    const second = (await get(`${url}&cursor=${first.next_cursor}`)).json()
    expect(second).toMatchObject({ data: [{ kind: 'deposit', amount: 1000 }], next_cursor: null })
  })

  test('OK: by reference within an account', async () => {
    await pay(alices, bobs, 10, 'rent')
    await pay(alices, bobs, 20, 'other')
    await pay(bobs, alices, 30, 'rent')
    const url = `/v1/transfers?account_id=${acct(bobs)}&reference=rent&limit=1`
    const first = (await get(url, bank.bob)).json()
    expect(first.data).toMatchObject([{ amount: 30 }])
    const second = (await get(`${url}&cursor=${first.next_cursor}`, bank.bob)).json()
    expect(second).toMatchObject({ data: [{ amount: 10 }], next_cursor: null })
  })

  test('staff may leave the account out, with a reference or without', async () => {
    await pay(alices, bobs, 10, 'rent')
    const all = (await get('/v1/transfers', bank.teller)).json()
    expect(all.data).toHaveLength(3)
    const page = (await get('/v1/transfers?limit=1', bank.teller)).json()
    const rest = await get(`/v1/transfers?cursor=${page.next_cursor}`, bank.teller)
    expect(rest.json().data).toEqual(all.data.slice(1))
    const named = (await get('/v1/transfers?reference=rent', bank.auditor)).json()
    expect(named.data).toMatchObject([{ amount: 10 }])
  })

  test('staff read any account, one of the bank itself too', async () => {
    const cash = bank.ledger.bankAccounts()[0]?.accountId ?? ''
    const response = await get(`/v1/transfers?account_id=${acct(cash)}`, bank.admin)
    expect(response.json().data).toHaveLength(2)
    const absent = await get(`/v1/transfers?account_id=${acct(bank.newUuid())}`, bank.admin)
    expect(absent.json()).toMatchObject({ status: 404, code: 'account_not_found' })
  })

  test('a customer must name an account', async () => {
    const response = await get('/v1/transfers?reference=rent')
    expect(response.json()).toMatchObject({
      status: 400,
      code: 'validation_failed',
      errors: [{ pointer: 'account_id', code: 'required' }],
    })
  })

  test("another's account has the same bytes as an absent one and one of the bank", async () => {
    const cash = bank.ledger.bankAccounts()[0]?.accountId ?? ''
    const [notYours, notFound, banks] = await Promise.all(
      [bobs, bank.newUuid(), cash].map((id) => get(`/v1/transfers?account_id=${acct(id)}`)),
    )
    expect(notYours?.statusCode).toBe(404)
    expect(notFound?.body).toBe(notYours?.body)
    expect(banks?.body).toBe(notYours?.body)
  })

  test('a cursor of other filters is refused, and one that was made up', async () => {
    await pay(alices, bobs, 10)
    const url = `/v1/transfers?account_id=${acct(alices)}`
    const { next_cursor: cursor } = (await get(`${url}&limit=1`)).json()
    expect(cursor).toEqual(expect.any(String))
    const list = JSON.stringify(['transfers', alices, undefined])
    const forged = encodeCursor("1' or 1=1", { list, userId: bank.alice })
    for (const query of [`&reference=x&cursor=${cursor}`, '&cursor=abc', `&cursor=${forged}`]) {
      const response = await get(`${url}${query}`)
      expect(response.json()).toMatchObject({ status: 400, code: 'invalid_cursor' })
    }
    const all = JSON.stringify(['transfers', undefined, undefined])
    const forgedId = encodeCursor('7', { list: all, userId: bank.teller })
    const response = await get(`/v1/transfers?cursor=${forgedId}`, bank.teller)
    expect(response.json()).toMatchObject({ status: 400, code: 'invalid_cursor' })
  })

  test.each(['account_id=1', 'reference=', 'reference=a%00b', 'reference=a%0Ab', 'kind=transfer'])(
    'an invalid query is 400: %s',
    async (query) => {
      const response = await get(`/v1/transfers?${query}`, bank.teller)
      expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
    },
  )
})
