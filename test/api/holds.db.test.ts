/** The life of holds and of reversals on a whole bank: HTTP in front, PostgreSQL behind. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createApi, type Api, type Json } from '../../tools/api.ts'
import { createAccessWorld, type AccessWorld, type Person } from '../access/world.ts'

let world: AccessWorld
let api: Api
let alice: Person
let bob: Person
let teller: Person

beforeAll(async () => {
  world = await createAccessWorld({ HOLD_EXPIRY_INTERVAL: '100ms', RATE_LIMITS: 'false' })
  api = createApi(world.url)
  teller = await world.person('teller')
})

/** With 1000 each. */
beforeEach(async () => {
  ;[alice, bob] = await Promise.all([world.person(), world.person()])
})

afterEach(async () => {
  const findings = await world.audit()
  if (findings.length > 0) throw new Error(`the books are wrong: ${JSON.stringify(findings)}`)
})

afterAll(async () => {
  await world.close()
})

const newKey = () => crypto.randomUUID()

function post({ token }: Person, path: string, body?: object, idempotencyKey: string = newKey()) {
  return api.send('POST', path, { token, idempotencyKey, ...(body && { body }) })
}

const order = (amount: number) => ({
  from_account_id: alice.account,
  to_account_id: bob.account,
  amount,
  currency: 'EUR',
})
const place = (amount: number, more: object = {}, key?: string) =>
  post(alice, '/v1/holds', { ...order(amount), ...more }, key)
const pay = (amount: number) => post(alice, '/v1/transfers', order(amount))
const capture = (id: unknown, body?: object, key?: string) =>
  post(alice, `/v1/holds/${String(id)}/capture`, body, key)
const release = (id: unknown, key?: string) =>
  post(alice, `/v1/holds/${String(id)}/release`, undefined, key)
const reverse = (id: unknown, body?: object, key?: string, person = bob) =>
  post(person, `/v1/transfers/${String(id)}/reversals`, body, key)

const read = (path: string, { token } = alice) => api.call('GET', path, { token })

/** What an account has, what of it is held, and what can be spent. */
async function money({ account, token }: Person): Promise<unknown[]> {
  const { ledger_balance, held, available_balance } = await api.call(
    'GET',
    `/v1/accounts/${account}`,
    { token },
  )
  return [ledger_balance, held, available_balance]
}

async function placed(amount: number, more: object = {}): Promise<Json> {
  const { status, body } = await place(amount, more)
  expect(status).toBe(201)
  return body
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20)
}

const list = async (query: string) =>
  (await read(`/v1/holds?account_id=${alice.account}${query}`))['data']

const problem = (status: number, code: string, facts: object = {}) =>
  expect.objectContaining({ status, body: expect.objectContaining({ code, ...facts }) })

describe('a hold', () => {
  test('that is captured in part pays that part and gives back the rest', async () => {
    const { id } = await placed(300)
    expect(await money(alice)).toEqual([1000, 300, 700])
    expect(await money(bob)).toEqual([1000, 0, 1000])
    const { status, body } = await capture(id, { amount: 120, reference: 'INV-1' })
    expect(status).toBe(201)
    expect(body).toMatchObject({ kind: 'capture', amount: 120, hold_id: id, reference: 'INV-1' })
    expect(await money(alice)).toEqual([880, 0, 880])
    expect(await money(bob)).toEqual([1120, 0, 1120])
    expect(await read(`/v1/holds/${String(id)}`)).toMatchObject({
      state: 'captured',
      amount: 300,
      captured: 120,
    })
    const seen = await read(`/v1/transfers/${String(body['id'])}`, bob)
    expect(seen).toMatchObject({ kind: 'capture', hold_id: id, to_entry: { amount: 120 } })
    const entries = await read(`/v1/accounts/${bob.account}/entries?limit=1`, bob)
    expect(entries['data']).toMatchObject([{ amount: 120, balance_after: 1120 }])
  })

  test('that is released gives back all of it', async () => {
    const { id } = await placed(1000)
    expect(await release(id)).toMatchObject({ status: 200, body: { state: 'released' } })
    expect(await money(alice)).toEqual([1000, 0, 1000])
    expect(await capture(id)).toEqual(problem(409, 'hold_not_active', { state: 'released' }))
  })

  test('expires by itself, never early, and the job writes it down', async () => {
    const hold = await placed(400, { expires_in: 1 })
    const { id, expires_at } = hold
    await until(async () => (await money(alice))[1] === 0)
    expect(await money(alice)).toEqual([1000, 0, 1000])
    expect(await read(`/v1/holds/${String(id)}`)).toEqual({ ...hold, state: 'expired' })
    const text = `select state, resolved_at >= expires_at as is_not_early from hold where expires_at = $1`
    expect(await world.query(text, [expires_at])).toEqual([
      { state: 'expired', is_not_early: true },
    ])
    expect(await capture(id)).toEqual(problem(409, 'hold_not_active', { state: 'expired' }))
  })

  test('is listed by account and state', async () => {
    const one = await placed(1)
    const two = await placed(2)
    await release(two['id'])
    expect(await list('')).toEqual([{ ...two, state: 'released' }, one])
    expect(await list('&state=active')).toEqual([one])
    expect(await list('&state=released')).toEqual([{ ...two, state: 'released' }])
    expect(await list('&state=expired')).toEqual([])
  })

  test('is not to be spent by anything else', async () => {
    await placed(900)
    const refused = problem(422, 'insufficient_funds', { available: 100, requested: 101 })
    expect(await pay(101)).toEqual(refused)
    expect(await place(101)).toEqual(refused)
    const withdrawal = { account_id: alice.account, amount: 101, currency: 'EUR' }
    expect(await post(teller, '/v1/withdrawals', withdrawal)).toEqual(refused)
    expect((await pay(100)).status).toBe(201)
    expect(await money(alice)).toEqual([900, 900, 0])
  })

  test('is captured by its replays once, with the answer of the first', async () => {
    const [holdKey, captureKey, releaseKey] = [newKey(), newKey(), newKey()]
    const first = await place(300, {}, holdKey)
    const { id } = first.body
    const captured = await capture(id, {}, captureKey)
    const other = await placed(50)
    const released = await release(other['id'], releaseKey)
    expect(await place(300, { expires_in: 604_800 }, holdKey)).toEqual({ ...first, replayed: true })
    expect(await capture(id, {}, captureKey)).toEqual({ ...captured, replayed: true })
    expect(await release(other['id'], releaseKey)).toEqual({ ...released, replayed: true })
    expect(await money(alice)).toEqual([700, 0, 700])
  })

  test("is nobody else's, and an answer does not tell it from none", async () => {
    const { id } = await placed(10)
    for (const person of [bob, teller]) {
      expect(await post(person, `/v1/holds/${String(id)}/capture`)).toEqual(
        problem(404, 'hold_not_found'),
      )
    }
    expect(await api.send('GET', `/v1/holds/${String(id)}`, { token: bob.token })).toEqual(
      problem(404, 'hold_not_found'),
    )
    expect(await money(alice)).toEqual([1000, 10, 990])
  })
})

describe('races', () => {
  test('of 20 captures of one hold at once, one has its way', async () => {
    const { id } = await placed(500)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => capture(id, { amount: index + 1 })),
    )
    const won = answers.filter(({ status }) => status === 201)
    expect(won).toHaveLength(1)
    const lost = answers.filter(({ status }) => status !== 201)
    expect(lost).toEqual(lost.map(() => problem(409, 'hold_not_active', { state: 'captured' })))
    const left = 1000 - Number(won[0]?.body['amount'])
    expect(await money(alice)).toEqual([left, 0, left])
  })

  test('of 20 captures with one key at once, all have the answer of one', async () => {
    const { id } = await placed(500)
    const key = newKey()
    const answers = await Promise.all(Array.from({ length: 20 }, () => capture(id, {}, key)))
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1)
    expect(await money(alice)).toEqual([500, 0, 500])
  })

  test('a capture and a release at once do one of the two', async () => {
    const { id } = await placed(500)
    const answers = await Promise.all([capture(id), release(id), capture(id), release(id)])
    const done = answers.filter(({ status }) => status < 300)
    expect(done).toHaveLength(1)
    const left = done[0]?.status === 201 ? 500 : 1000
    expect(await money(alice)).toEqual([left, 0, left])
  })

  test('holds and payments at once never spend more than there is', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) => (index % 2 ? pay(100) : place(100))),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
    expect((await money(alice))[2]).toBe(0)
  })

  test('of 20 reversals at once no more comes back than was paid', async () => {
    const { body } = await pay(100)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => reverse(body['id'], { amount: 30 })),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3)
    const lost = answers.filter(({ status }) => status !== 201)
    const facts = { available: 10, requested: 30 }
    expect(lost).toEqual(lost.map(() => problem(422, 'reversal_exceeds_original', facts)))
    expect(await money(alice)).toEqual([990, 0, 990])
  })
})

describe('a reversal', () => {
  test('gives back part by part, never more than the transfer, and both name each other', async () => {
    const { id } = (await pay(100)).body
    const first = await reverse(id, { amount: 60, description: 'Broken' })
    expect(first).toMatchObject({
      status: 201,
      body: { kind: 'reversal', reverses_id: id, description: 'Broken', from_entry: {} },
    })
    const facts = { available: 40, requested: 41, currency: 'EUR' }
    expect(await reverse(id, { amount: 41 })).toEqual(
      problem(422, 'reversal_exceeds_original', facts),
    )
    const second = await reverse(id)
    expect(second).toMatchObject({ status: 201, body: { amount: 40 } })
    expect(await money(alice)).toEqual([1000, 0, 1000])
    expect(await read(`/v1/transfers/${String(id)}`)).toMatchObject({ reversed_amount: 100 })
    const reversals = await read(`/v1/transfers/${String(id)}/reversals`)
    expect(reversals).toMatchObject({
      data: [{ id: second.body['id'] }, { id: first.body['id'] }],
      next_cursor: null,
    })
    expect(await reverse(first.body['id'], {}, newKey(), alice)).toEqual(
      problem(422, 'not_reversible'),
    )
  })

  test('of a capture is one like any other, and the replay of it too', async () => {
    const { id } = (await capture((await placed(100))['id'])).body
    const key = newKey()
    const answer = await reverse(id, {}, key)
    expect(answer.status).toBe(201)
    expect(await reverse(id, {}, key)).toEqual({ ...answer, replayed: true })
    expect(await money(alice)).toEqual([1000, 0, 1000])
  })

  test('by a teller is in the audit trail', async () => {
    const { id } = (await pay(100)).body
    const answer = await reverse(id, {}, newKey(), teller)
    expect(answer).toMatchObject({ status: 201, body: { kind: 'reversal' } })
    expect(answer.body).not.toHaveProperty('from_entry')
    const text = `select kind, facts from audit_event where kind like 'reversal.%' order by id desc limit 1`
    expect(await world.query(text)).toEqual([
      { kind: 'reversal.posted', facts: { transfer_id: answer.body['id'] } },
    ])
    expect(await money(alice)).toEqual([1000, 0, 1000])
  })

  test('does not take what is not there any more', async () => {
    const { id } = (await pay(100)).body
    const hold = { ...order(1050), from_account_id: bob.account, to_account_id: alice.account }
    await post(bob, '/v1/holds', hold)
    const facts = { available: 50, requested: 100 }
    expect(await reverse(id)).toEqual(problem(422, 'insufficient_funds', facts))
    expect(await money(bob)).toEqual([1100, 1050, 50])
  })
})

test('an API key holds and captures with the scope for it, and only with that', async () => {
  const create = async (...scopes: string[]) => {
    const body = { name: 'shop', scopes }
    return api.text(await api.call('POST', '/v1/api-keys', { token: alice.token, body }), 'key')
  }
  const writer = { ...alice, token: await create('holds:write') }
  const reader = { ...alice, token: await create('holds:read', 'transfers:write') }
  expect(await post(reader, '/v1/holds', order(1))).toEqual(problem(403, 'scope_required'))
  const { status, body } = await post(writer, '/v1/holds', order(1))
  expect(status).toBe(201)
  expect(await read(`/v1/holds/${String(body['id'])}`, reader)).toMatchObject({ state: 'active' })
  expect(await api.send('GET', '/v1/holds', { token: writer.token })).toEqual(
    problem(403, 'scope_required'),
  )
  expect((await post(writer, `/v1/holds/${String(body['id'])}/capture`)).status).toBe(201)
})
