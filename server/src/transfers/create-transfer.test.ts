import { beforeEach, describe, expect, test } from 'vitest'
import { acct, failingLedger, type RouteBank } from '../../../test/support/route-bank.ts'
import { asUser, type buildTestApp } from '../http/testing.ts'
import { Fault } from '../kernel/fault.ts'
import { useTransferWorld } from './testing.ts'

const { transfer, world } = useTransferWorld()
let app: Awaited<ReturnType<typeof buildTestApp>>
let bank: RouteBank
let from: string
let to: string
let fromUuid: string

beforeEach(() => {
  ;({ app, bank, from, to, fromUuid } = world())
})

describe('posting', () => {
  test('OK: the answer is the transfer as its payer sees it', async () => {
    const response = await transfer({
      description: 'Miete für Mai',
      reference: 'INV-1',
      metadata: { order: '42', area: 'x' },
    })
    expect(response.statusCode).toBe(201)
    expect(response.headers['idempotency-replayed']).toBeUndefined()
    const body = response.json()
    expect(body).toEqual({
      id: expect.stringMatching(/^xfer_[0-7][0-9a-z]{25}$/),
      kind: 'transfer',
      from_account_id: from,
      to_account_id: to,
      amount: 100,
      currency: 'EUR',
      description: 'Miete für Mai',
      reference: 'INV-1',
      reverses_id: null,
      hold_id: null,
      group_id: null,
      created_at: '2026-01-15T09:30:00.000Z',
      metadata: { area: 'x', order: '42' },
      from_entry: {
        seq: 2,
        transfer_id: body.id,
        amount: -100,
        balance_after: 900,
        counterparty: { account_id: to },
        description: 'Miete für Mai',
        reference: 'INV-1',
        created_at: '2026-01-15T09:30:00.000Z',
      },
    })
    expect((await bank.ledger.account(fromUuid))?.ledgerBalance).toBe(900n)
  })

  test('without words the answer says so, and exactly the whole balance can be paid', async () => {
    const response = await transfer({ amount: 1000 })
    expect(response.statusCode).toBe(201)
    expect(response.json()).toMatchObject({ description: null, reference: null, metadata: {} })
    expect(response.json().from_entry.balance_after).toBe(0)
  })

  test('a replay has the same status and bytes, is marked, and moves nothing', async () => {
    const words = { description: 'x', metadata: { b: '1', a: '2' } }
    const first = await transfer(words, { key: 'k' })
    const again = await transfer(
      { description: 'x', metadata: { a: '2', b: '1' } },
      { key: 'k', headers: { 'request-id': 'another' } },
    )
    expect(again.statusCode).toBe(first.statusCode)
    expect(again.body).toBe(first.body)
    expect(again.headers['idempotency-replayed']).toBe('true')
    expect((await bank.ledger.account(fromUuid))?.ledgerBalance).toBe(900n)
  })

  test('a replayed refusal has the same bytes too, with the first request id in them', async () => {
    const first = await transfer({ amount: 1001 }, { key: 'k', headers: { 'request-id': 'one' } })
    await transfer({ amount: 900 }, { key: 'other' })
    const again = await transfer({ amount: 1001 }, { key: 'k', headers: { 'request-id': 'two' } })
    expect(first.statusCode).toBe(422)
    expect(again.statusCode).toBe(422)
    expect(first.json().request_id).toBe('one')
    expect(again.body).toBe(first.body)
    expect(again.headers['request-id']).toBe('two')
    expect(first.headers['idempotency-replayed']).toBeUndefined()
    expect(again.headers['idempotency-replayed']).toBe('true')
    expect(again.headers['content-type']).toBe(first.headers['content-type'])
  })

  test('the same key of another user is independent', async () => {
    await transfer({}, { key: 'k' })
    const bobs = await bank.open(bank.bob, 'EUR', 50)
    const change = { from_account_id: acct(bobs), to_account_id: from, amount: 50 }
    const response = await transfer(change, { key: 'k', user: bank.bob })
    expect(response.statusCode).toBe(201)
    expect(response.json().amount).toBe(50)
  })

  test('a reused key is refused and names what differs; what it stood for stays', async () => {
    const first = await transfer({}, { key: 'k' })
    const reused = await transfer({ amount: 101, description: 'y' }, { key: 'k' })
    expect(reused.statusCode).toBe(422)
    expect(reused.json()).toMatchObject({
      code: 'idempotency_key_reused',
      fields: ['amount', 'description'],
    })
    expect(reused.headers['idempotency-replayed']).toBeUndefined()
    expect((await transfer({}, { key: 'k' })).body).toBe(first.body)
  })

  test('a try that validation refuses does not use up the key', async () => {
    expect((await transfer({ amount: 0 }, { key: 'k' })).statusCode).toBe(400)
    expect((await transfer({ currency: 'XXX' }, { key: 'k' })).statusCode).toBe(400)
    expect((await transfer({ description: 'a\u202eb' }, { key: 'k' })).statusCode).toBe(400)
    expect((await transfer({}, { key: 'k' })).statusCode).toBe(201)
  })
})

describe('who asks', () => {
  test('NoAuthorization', async () => {
    const response = await app.inject({ method: 'POST', url: '/v1/transfers', payload: {} })
    expect(response.statusCode).toBe(401)
    expect(response.json().code).toBe('token_missing')
    expect(bank.ledger.transfers()).toHaveLength(1)
  })

  test('FromAccountNotYours has the same bytes as FromAccountNotFound', async () => {
    const headers = { 'request-id': 'same' }
    const notYours = await transfer({ from_account_id: to, to_account_id: from }, { headers })
    const notFound = await transfer(
      { from_account_id: acct(bank.newUuid()), to_account_id: from },
      { headers },
    )
    expect(notYours.statusCode).toBe(404)
    expect(notYours.json()).toMatchObject({ code: 'account_not_found', side: 'debit' })
    expect(notFound.body).toBe(notYours.body)
  })

  test('staff cannot pay from an account of a customer by a transfer', async () => {
    const response = await transfer({}, { user: bank.teller })
    expect(response.json()).toMatchObject({ status: 404, code: 'account_not_found' })
  })

  test.each([[{}], [{ 'idempotency-key': '' }], [{ 'idempotency-key': 'ü' }]])(
    'IdempotencyKey missing or invalid: %j',
    async (headers) => {
      const response = await app.inject({
        method: 'POST',
        url: '/v1/transfers',
        headers: { ...asUser(bank.alice), ...headers },
        payload: { from_account_id: from, to_account_id: to, amount: 100, currency: 'EUR' },
      })
      expect(response.statusCode).toBe(400)
      expect(response.json().code).toMatch(/^idempotency_key_(missing|invalid)$/)
    },
  )
})

describe('failures of the surroundings', () => {
  test.each(['outcome_unknown', 'overloaded', 'unavailable', 'shutting_down'] as const)(
    'engine fault: %s is 503, to be tried again with the same key',
    async (code) => {
      const ledger = failingLedger(bank.ledger, new Fault(code, 'secret'))
      const response = await transfer({}, { ledger })
      expect(response.statusCode).toBe(503)
      expect(response.json()).toMatchObject({ code, retry: 'same_key' })
      expect(response.headers['retry-after']).toBeDefined()
      expect(response.body).not.toContain('secret')
    },
  )

  test('InternalError: the client sees the request id and nothing more', async () => {
    const ledger = failingLedger(bank.ledger, new Error('secret'))
    const response = await transfer({}, { ledger, headers: { 'request-id': 'r-1' } })
    expect(response.statusCode).toBe(500)
    expect(response.json()).toMatchObject({ code: 'internal_error', request_id: 'r-1' })
    expect(response.body).not.toContain('secret')
  })
})
