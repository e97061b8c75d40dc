import { expect, test } from 'vitest'
import { failingLedger } from '../../../../test/support/route-bank.ts'
import { Defect } from '../../kernel/assert.ts'
import { Fault, type FaultCode } from '../../kernel/fault.ts'
import { groupSizeMax } from '../../ledger/ledger.ts'
import { atomicTransfersMax } from './schema.ts'
import { useBulkWorld } from './testing.ts'

const { ledger, build, item, items, send, bulk, atomic, statuses, balance } = useBulkWorld()

test('all are posted in one group, each on what those before it left', async () => {
  const response = await atomic(items(100, (index) => ({ amount: index === 99 ? 901 : 1 })))
  expect(response.statusCode).toBe(200)
  expect(statuses(response)).toEqual(Array.from({ length: 100 }, () => 'posted'))
  const groups = response
    .json()
    .outcomes.map(({ transfer }: { transfer: { group_id: string } }) => transfer.group_id)
  expect(new Set(groups).size).toBe(1)
  expect(groups[0]).toMatch(/^group_/)
  expect(balance()).toBe(0n)
})

test('the refusal of one is that of all, points at it, and is replayed to the byte', async () => {
  const transfers = items(5, (index) => ({ amount: index === 3 ? 999 : 1 }))
  const first = await atomic(transfers, { key: 'group' })
  expect(first.statusCode).toBe(422)
  expect(first.json()).toMatchObject({
    code: 'group_failed',
    detail:
      '/transfers/3: The account has 997 minor units of EUR available, 999 minor units of EUR was requested.',
    index: 3,
    available: 997,
    requested: 999,
    errors: [{ pointer: '/transfers/3', code: 'insufficient_funds' }],
  })
  expect(balance()).toBe(1000n)
  const second = await atomic(transfers, { key: 'group' })
  expect(second.body).toBe(first.body)
  expect(second.headers['idempotency-replayed']).toBe('true')
})

test('a posted group is replayed to the byte', async () => {
  const first = await atomic(items(3), { key: 'group' })
  const second = await atomic(items(3), { key: 'group' })
  expect(second.body).toBe(first.body)
  expect(second.headers['idempotency-replayed']).toBe('true')
  expect(balance()).toBe(997n)
})

test.each<[string, () => unknown]>([
  ['a larger group', () => ({ atomic: true, transfers: items(4) })],
  ['a smaller group', () => ({ atomic: true, transfers: items(2) })],
  ['another group', () => ({ atomic: true, transfers: items(3, () => ({ amount: 2 })) })],
])('%s under its key is refused as reused', async (_, payload) => {
  await atomic(items(3), { key: 'group' })
  const response = await send(payload(), { key: 'group' })
  expect(response.statusCode).toBe(422)
  expect(response.json()).toMatchObject({
    code: 'idempotency_key_reused',
    errors: [{ pointer: '/transfers/0' }],
  })
  expect(balance()).toBe(997n)
})

test('a bulk that is not atomic is another thing under its key', async () => {
  await atomic(items(3), { key: 'group' })
  const { outcomes } = (await bulk(items(3), { key: 'group' })).json()
  expect(outcomes).toMatchObject(
    Array.from({ length: 3 }, () => ({
      problem: { code: 'idempotency_key_reused', fields: ['kind', 'transfers'] },
    })),
  )
})

test('keys of its transfers and more than 100 of them are a 400', async () => {
  const keyed = await atomic([item(), item({ idempotency_key: 'mine' })])
  expect(keyed.statusCode).toBe(400)
  expect(keyed.json()).toMatchObject({
    code: 'validation_failed',
    errors: [{ pointer: '/transfers/1/idempotency_key', code: 'atomic' }],
  })
  const large = await atomic(items(atomicTransfersMax + 1))
  expect(large.statusCode).toBe(400)
  expect(large.json()).toMatchObject({ errors: [{ pointer: '/transfers', code: 'maxItems' }] })
  expect(atomicTransfersMax).toBe(groupSizeMax)
})

test.each<[FaultCode | undefined, number]>([
  ['overloaded', 503],
  ['unavailable', 503],
  ['shutting_down', 503],
  ['outcome_unknown', 503],
  [undefined, 500],
])('%s is the answer to all: %i', async (fault, status) => {
  const error = fault ? new Fault(fault, 'a test') : new Defect('a test')
  const target = await build(failingLedger(ledger, error))
  const response = await atomic(items(2), { app: target })
  expect(response.statusCode).toBe(status)
  expect(response.json()).toMatchObject({ code: fault ?? 'internal_error' })
})
