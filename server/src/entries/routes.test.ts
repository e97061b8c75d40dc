import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  acct,
  createRouteBank,
  presentBank,
  type RouteBank,
} from '../../../test/support/route-bank.ts'
import { encodeCursor } from '../http/paging.ts'
import { asUser, buildTestApp } from '../http/testing.ts'
import { encodeId, type Uuid } from '../kernel/ids.ts'
import { createEntryRoutes, type EntryRoutesDependencies } from './routes.ts'
import type { Entry, EntryPage } from './store.ts'

type EntryLists = EntryRoutesDependencies['entries']

let bank: RouteBank
let account: Uuid
let entries: EntryLists
let pagesRead: EntryPage[]

function entry(seq: number): Entry {
  return {
    seq,
    transferId: bank.newUuid(),
    amount: seq % 2 === 0 ? -10 : 20,
    balanceAfter: 1000n + BigInt(seq),
    counterpartyAccountId: bank.newUuid(),
    counterpartyName: 'Zoë Müller',
    description: null,
    reference: `ref ${seq}`,
    createdAt: new Date(Date.UTC(2026, 0, seq)),
  }
}

beforeEach(async () => {
  bank = createRouteBank()
  account = await bank.open(bank.alice)
  pagesRead = []
  const rows = [5, 4, 3, 2, 1].map(entry)
  entries = {
    async list(page) {
      pagesRead.push(page)
      const { seqMin = 1, seqBefore = Infinity, order, limit } = page
      const inRange = rows.filter(({ seq }) => seq >= seqMin && seq < seqBefore)
      return (order === 'asc' ? inRange.toReversed() : inRange).slice(0, limit)
    },
    firstSeqSince: async (_, time) => rows.filter(({ createdAt }) => createdAt < time).length + 1,
  }
})

const { ledger, rolesOf } = presentBank(() => bank)

async function build(store: EntryLists) {
  return buildTestApp({ routes: [createEntryRoutes({ ledger, entries: store })], rolesOf })
}

let app: Awaited<ReturnType<typeof build>>
beforeAll(async () => {
  app = await build({
    list: async (page) => entries.list(page),
    firstSeqSince: async (...point) => entries.firstSeqSince(...point),
  })
})

async function get(query = '', user: Uuid = bank.alice, id = acct(account), store?: EntryLists) {
  const target = store ? await build(store) : app
  return target.inject({
    url: `/v1/accounts/${id}/entries${query}`,
    headers: { ...asUser(user), 'request-id': 'same' },
  })
}

const seqsOf = (response: { json(): { data: { seq: number }[] } }) =>
  response.json().data.map(({ seq }) => seq)

describe('GET /v1/accounts/{id}/entries', () => {
  test('OK: newest first, with running balances and the name of the other side', async () => {
    const response = await get()
    expect(response.statusCode).toBe(200)
    expect(seqsOf(response)).toEqual([5, 4, 3, 2, 1])
    expect(response.json().next_cursor).toBeNull()
    expect(response.json().data[1]).toEqual({
      seq: 4,
      transfer_id: expect.stringMatching(/^xfer_/),
      amount: -10,
      balance_after: 1004,
      counterparty: {
        account_id: expect.stringMatching(/^acct_/),
        display_name: 'Zoë Müller',
      },
      description: null,
      reference: 'ref 4',
      created_at: '2026-01-04T00:00:00.000Z',
    })
    expect(pagesRead).toMatchObject([
      { accountId: account, normalSide: 'credit', order: 'desc', limit: 21 },
    ])
  })

  test('a cursor continues below the last seq of the page before', async () => {
    const first = await get('?limit=2')
    const second = await get(`?limit=2&cursor=${first.json().next_cursor}`)
    const third = await get(`?limit=2&cursor=${second.json().next_cursor}`)
    expect([seqsOf(first), seqsOf(second), seqsOf(third)]).toEqual([[5, 4], [3, 2], [1]])
    expect(third.json().next_cursor).toBeNull()
  })

  test('a range of time has its beginning and not its end, also across pages', async () => {
    const range = '?from=2026-01-02T00:00:00Z&to=2026-01-05T00:00:00Z'
    expect(seqsOf(await get(range))).toEqual([4, 3, 2])
    const page = await get(`${range}&limit=2`)
    expect(seqsOf(await get(`${range}&limit=2&cursor=${page.json().next_cursor}`))).toEqual([2])
    expect(seqsOf(await get('?from=2027-01-01T00:00:00Z'))).toEqual([])
    expect(seqsOf(await get('?to=2025-01-01T00:00:00Z'))).toEqual([])
  })

  test('in the other direction the oldest comes first, and a cursor continues above', async () => {
    const range = '?order=asc&from=2026-01-02T00:00:00Z&to=2026-01-05T00:00:00Z'
    expect(seqsOf(await get(range))).toEqual([2, 3, 4])
    const page = await get(`${range}&limit=2`)
    expect(seqsOf(page)).toEqual([2, 3])
    const next = await get(`${range}&limit=2&cursor=${page.json().next_cursor}`)
    expect([seqsOf(next), next.json().next_cursor]).toEqual([[4], null])
    expect(seqsOf(await get('?order=asc&limit=2'))).toEqual([1, 2])
    expect((await get('?order=desc')).body).toBe((await get()).body)
  })

  test('an auditor reads them; for other staff and customers the account is not there', async () => {
    expect((await get('', bank.auditor)).statusCode).toBe(200)
    const absent = await get('', bank.alice, acct(bank.newUuid()))
    expect(absent.json()).toMatchObject({ status: 404, code: 'account_not_found' })
    for (const user of [bank.bob, bank.teller, bank.admin]) {
      expect((await get('', user)).body).toBe(absent.body)
    }
  })

  test('accounts of the bank itself are not found here, even by an auditor', async () => {
    const { account: cash } = await bank.ledger.openBankAccount('cash', 'EUR')
    expect((await get('', bank.auditor, acct(cash.accountId))).statusCode).toBe(404)
  })

  test('NoAuthorization', async () => {
    const response = await app.inject(`/v1/accounts/${acct(account)}/entries`)
    expect(response.statusCode).toBe(401)
  })

  test('InvalidID', async () => {
    for (const id of ['1', encodeId('user', bank.alice)]) {
      expect((await get('', bank.alice, id)).json().code).toBe('validation_failed')
    }
  })

  test('InvalidCursor: of another account, range or direction, of a page without one, made up', async () => {
    const cursor = (await get('?limit=2')).json().next_cursor
    expect(cursor).toEqual(expect.any(String))
    const other = await bank.open(bank.alice)
    const list = JSON.stringify(['entries', account, undefined, undefined, 'desc'])
    const forged = encodeCursor('1e3', { list, userId: bank.alice })
    const responses = [
      await get(`?cursor=${cursor}`, bank.alice, acct(other)),
      await get(`?cursor=${cursor}&from=2026-01-01T00:00:00Z`),
      await get(`?cursor=${cursor}&order=asc`),
      await get(`?cursor=${cursor}`, bank.auditor),
      await get('?cursor=nonsense'),
      await get(`?cursor=${forged}`),
    ]
    for (const response of responses) {
      expect(response.json()).toMatchObject({ status: 400, code: 'invalid_cursor' })
    }
  })

  test.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'from=2026-02-30T00:00:00Z',
    'to=yesterday-or-so-or-so',
    'from=2026-01-01',
    'since=1',
    'order=ascending',
    'order=',
  ])('InvalidQuery: %s', async (query) => {
    const response = await get(`?${query}`)
    expect(response.json()).toMatchObject({ status: 400, code: 'validation_failed' })
  })

  test('InternalError', async () => {
    const list = vi.fn<EntryLists['list']>().mockRejectedValue(new Error('secret'))
    const response = await get('', bank.alice, acct(account), { ...entries, list })
    expect(response.json()).toMatchObject({ status: 500, code: 'internal_error' })
    expect(response.body).not.toContain('secret')
  })
})
