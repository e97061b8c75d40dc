import { describe, expect, test } from 'vitest'
import { Defect } from '../../kernel/assert.ts'
import { Fault, type FaultCode } from '../../kernel/fault.ts'
import type { LedgerEngine } from '../../ledger/ledger.ts'
import { bulkWindow } from './routes.ts'
import { useBulkWorld, type Item } from './testing.ts'

const {
  world,
  ledger,
  build,
  arrange,
  item,
  items,
  wordy,
  send,
  bulk,
  statuses,
  balance,
  loggedErrors,
} = useBulkWorld()

async function refused(payload: unknown, status = 400) {
  const response = await send(payload)
  expect(response.statusCode).toBe(status)
  expect(world.bank.ledger.transfers()).toHaveLength(1)
  return response.json()
}

describe('outcomes', () => {
  test('each transfer has its own, in the order of the request', async () => {
    const response = await bulk([
      item({ amount: 400 }),
      item({ amount: 700 }),
      item({ amount: 600, description: 'the rest' }),
      item({ from_account_id: world.to }),
      item({ to_account_id: world.from }),
    ])
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(response.headers['idempotency-replayed']).toBeUndefined()
    const { outcomes } = response.json()
    expect(outcomes).toMatchObject([
      { index: 0, status: 'posted', transfer: { amount: 400, from_entry: { balance_after: 600 } } },
      { index: 1, status: 'refused', problem: { code: 'insufficient_funds', available: 600 } },
      { index: 2, status: 'posted', transfer: { amount: 600, description: 'the rest' } },
      { index: 3, status: 'refused', problem: { code: 'account_not_found', side: 'debit' } },
      { index: 4, status: 'refused', problem: { code: 'same_account' } },
    ])
    expect(outcomes[0]).not.toHaveProperty('problem')
    expect(outcomes[1]).not.toHaveProperty('transfer')
  })

  test('8,000 are posted, answered in order and replayed to the byte', async () => {
    await arrange(7_990)
    const first = await bulk(items(8000), { key: 'payroll' })
    const { outcomes } = first.json()
    expect(outcomes.map(({ index }: { index: number }) => index)).toEqual([...Array(8000).keys()])
    expect(statuses(first).filter((status: string) => status === 'posted')).toHaveLength(7990)
    const second = await bulk(items(8000), { key: 'payroll' })
    expect(second.body).toBe(first.body)
    expect(second.headers['idempotency-replayed']).toBe('true')
    expect(balance()).toBe(0n)
  })

  test('what there was no outcome for is posted when the bulk is sent again', async () => {
    const limited = faulty(ledger, (call) => (call === 1 ? 'overloaded' : undefined))
    const partly = await build(limited)
    const first = await bulk(items(3), { key: 'again', app: partly })
    expect(statuses(first)).toEqual(['posted', 'overloaded', 'posted'])
    const second = await bulk(items(3), { key: 'again' })
    expect(statuses(second)).toEqual(['posted', 'posted', 'posted'])
    expect(second.headers['idempotency-replayed']).toBeUndefined()
    expect(balance()).toBe(997n)
  })
})

describe('keys', () => {
  test('the same own key twice is one transfer, and for something else it is refused', async () => {
    const response = await bulk([
      item({ idempotency_key: 'mine' }),
      item({ idempotency_key: 'mine' }),
      item({ idempotency_key: 'mine', amount: 2 }),
    ])
    const { outcomes } = response.json()
    expect(outcomes[1].transfer).toEqual(outcomes[0].transfer)
    expect(outcomes[2].problem).toMatchObject({
      code: 'idempotency_key_reused',
      fields: ['amount'],
    })
    expect(balance()).toBe(999n)
  })

  test('the first under a key counts, also when the ledger would be quicker with the second', async () => {
    const [gate, reached] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const slow: LedgerEngine = {
      ...ledger,
      async post(...order) {
        if (order[0].amount === 1) {
          reached.resolve()
          await gate.promise
        }
        return ledger.post(...order)
      },
    }
    const sent = bulk(
      [item({ idempotency_key: 'mine' }), item({ idempotency_key: 'mine', amount: 2 })],
      { app: await build(slow) },
    )
    await reached.promise
    gate.resolve()
    expect(statuses(await sent)).toEqual(['posted', 'refused'])
  })

  test('a bulk with a reused key is never marked as replayed', async () => {
    const transfers = [
      item({ idempotency_key: 'mine' }),
      item({ idempotency_key: 'mine', amount: 2 }),
    ]
    await bulk(transfers, { key: 'bulk' })
    const second = await bulk(transfers, { key: 'bulk' })
    expect(statuses(second)).toEqual(['posted', 'refused'])
    expect(second.headers['idempotency-replayed']).toBeUndefined()
  })

  test('keys that are derived differ by index, so equal transfers are posted each', async () => {
    expect(statuses(await bulk(items(3)))).toEqual(['posted', 'posted', 'posted'])
    expect(balance()).toBe(997n)
  })

  test.each([
    ['missing', null, 'idempotency_key_missing'],
    ['too long', 'x'.repeat(256), 'idempotency_key_invalid'],
  ])('a key of the request that is %s is a 400', async (_, key, code) => {
    const response = await bulk([item()], { key })
    expect(response.statusCode).toBe(400)
    expect(response.json()).toMatchObject({ code })
  })
})

describe('a body with anything wrong posts nothing', () => {
  /** In a small body, which is read at once, and in a large one, which a worker reads. */
  const sizes = [3, 300]

  test.each(sizes)('a member that is wrong, named by its pointer (of %i)', async (count) => {
    const transfers = [...wordy(count - 1), item({ amount: 0 })]
    expect(await refused({ transfers })).toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer: `/transfers/${count - 1}/amount`, code: 'minimum' }],
    })
  })

  test.each(sizes)('a member that is there twice (of %i)', async (count) => {
    const text = JSON.stringify({ transfers: [...wordy(count - 1), item()] })
    const twice = text.replace(/"amount":1,(?!.*"amount")/, '"amount":1,"amount":1,')
    expect(await refused(twice)).toMatchObject({
      code: 'malformed_json',
      errors: [{ pointer: `/transfers/${count - 1}/amount`, code: 'duplicate_member' }],
    })
  })

  test.each(sizes)('words that are not clean (of %i)', async (count) => {
    const unclean = item({ description: ' ', metadata: { note: '\u202e' } })
    expect(await refused({ transfers: [...wordy(count - 1), unclean] })).toMatchObject({
      code: 'validation_failed',
      errors: [
        { pointer: `/transfers/${count - 1}/description`, code: 'text' },
        { pointer: `/transfers/${count - 1}/metadata/note`, code: 'text' },
      ],
    })
  })

  test.each(sizes)('a currency that the bank does not deal in (of %i)', async (count) => {
    const transfers = [...wordy(count - 1), item({ currency: 'XXX' })]
    expect(await refused({ transfers })).toMatchObject({
      code: 'currency_not_supported',
      currency: 'XXX',
      supported: ['EUR', 'KRW'],
      errors: [{ pointer: `/transfers/${count - 1}/currency` }],
    })
  })

  test('none at all, and one more than 8,000', async () => {
    expect(await refused({ transfers: [] })).toMatchObject({
      errors: [{ pointer: '/transfers', code: 'minItems' }],
    })
    expect(await refused({ transfers: items(8001) })).toMatchObject({
      errors: [{ pointer: '/transfers', code: 'maxItems' }],
    })
  })

  test('8,000 with findings are told of the first 20', async () => {
    const { errors } = await refused({ transfers: items(8000, () => ({ amount: '1' })) })
    expect(errors).toHaveLength(20)
  })

  test.each<[string, unknown, string]>([
    ['nothing', '', 'malformed_json'],
    ['null', 'null', 'validation_failed'],
    ['a list', '[]', 'validation_failed'],
    ['a text that ends', '{"transfers":[{', 'malformed_json'],
    ['a member that is not known', { transfers: [], owner_id: 'x' }, 'validation_failed'],
    ['33 levels', '['.repeat(33), 'malformed_json'],
    ['a hundred thousand levels', '['.repeat(100_000), 'malformed_json'],
    ['a million numbers', `{"transfers":[${'1,'.repeat(1_000_000)}1]}`, 'malformed_json'],
    ['bytes that are no UTF-8', Buffer.alloc(100_000, 0xff), 'malformed_json'],
    ['a fraction', '{"transfers":[1.0]}', 'malformed_json'],
  ])('%s', async (_, payload, code) => {
    expect(await refused(payload)).toMatchObject({ code })
    expect(loggedErrors()).toEqual([])
  })

  test('8 MiB pass, and one byte more does not', async () => {
    const text = JSON.stringify({ transfers: [item()] })
    const limit = 8 * 1024 * 1024
    expect(await refused(text + ' '.repeat(limit + 1 - text.length), 413)).toMatchObject({
      code: 'body_too_large',
    })
    expect((await send(text + ' '.repeat(limit - text.length))).statusCode).toBe(200)
  })

  test.each(['text/plain', 'application/json; charset=utf-16', ''])(
    'a body of type %j',
    async (type) => {
      const response = await send({ transfers: [item()] }, { headers: { 'content-type': type } })
      expect(response.statusCode).toBe(415)
    },
  )
})

describe('faults', () => {
  test.each<[FaultCode | undefined, string, string]>([
    ['overloaded', 'overloaded', 'overloaded'],
    ['unavailable', 'overloaded', 'unavailable'],
    ['shutting_down', 'overloaded', 'shutting_down'],
    ['outcome_unknown', 'unknown', 'outcome_unknown'],
    [undefined, 'unknown', 'internal_error'],
  ])('%s is an outcome of the transfer alone: %s', async (fault, status, code) => {
    const error = fault ? new Fault(fault, 'a test') : new Defect('a test')
    const target = await build({
      ...ledger,
      post: async (...order) => {
        if (order[0].amount === 13) throw error
        return ledger.post(...order)
      },
    })
    const response = await bulk([item(), item({ amount: 13 }), item()], { app: target })
    expect(response.statusCode).toBe(200)
    expect(response.json().outcomes).toMatchObject([
      { status: 'posted' },
      { index: 1, status, problem: { code } },
      { status: 'posted' },
    ])
    expect(target.loggedErrors).toEqual(fault ? [] : [error])
  })
})

test('a closing server waits for what was begun and begins nothing more', async () => {
  const [go, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let calls = 0
  const target = await build({
    ...ledger,
    post: async (...order) => {
      calls += 1
      if (calls === bulkWindow.alone) begun.resolve()
      await go.promise
      return ledger.post(...order)
    },
  })
  const sent = bulk(items(600), { app: target })
  await begun.promise
  const closed = target.close()
  await new Promise(setImmediate)
  go.resolve()
  await closed
  const { outcomes } = (await sent).json()
  expect(outcomes.filter(({ status }: Item) => status === 'posted')).toHaveLength(bulkWindow.alone)
  expect(outcomes.slice(bulkWindow.alone)).toMatchObject(
    Array.from({ length: 600 - bulkWindow.alone }, () => ({ problem: { code: 'shutting_down' } })),
  )
})

function faulty(
  engine: LedgerEngine,
  faultOf: (call: number) => FaultCode | undefined,
): LedgerEngine {
  let calls = 0
  return {
    ...engine,
    async post(...order) {
      const code = faultOf(calls++)
      if (code) throw new Fault(code, 'a test')
      return engine.post(...order)
    },
  }
}
