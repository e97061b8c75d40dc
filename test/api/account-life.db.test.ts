/** The life of an account on a whole bank: its past, its limits, its name and its end. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createApi, type Api } from '../../tools/api.ts'
import { createAccessWorld, type AccessWorld, type Person } from '../access/world.ts'

let world: AccessWorld
let api: Api
let alice: Person
let bob: Person
let teller: Person
let auditor: Person
let admin: Person

beforeAll(async () => {
  world = await createAccessWorld({ RATE_LIMITS: 'false' })
  api = createApi(world.url)
  ;[teller, auditor, admin] = await Promise.all([
    world.person('teller'),
    world.person('auditor'),
    world.person('admin'),
  ])
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

const read = (path: string, { token } = alice) => api.send('GET', path, { token })

function post({ token }: Person, path: string, body?: object) {
  const idempotencyKey = crypto.randomUUID()
  return api.send('POST', path, { token, idempotencyKey, ...(body && { body }) })
}

const pay = (amount: number, query = '') =>
  post(alice, `/v1/transfers${query}`, {
    from_account_id: alice.account,
    to_account_id: bob.account,
    amount,
    currency: 'EUR',
  })

const setLimits = (perTransfer: number | null, perDay: number | null) =>
  api.send('PUT', `/v1/accounts/${alice.account}/limits`, {
    token: admin.token,
    body: { per_transfer: perTransfer, per_day: perDay },
  })

const close = (person: Person, account: string) => post(person, `/v1/accounts/${account}/close`)

describe('the past of an account', () => {
  test('has each balance at its seq and at its moment, and the entries agree', async () => {
    for (const amount of [100, 20, 3]) expect((await pay(amount)).status).toBe(201)
    const path = `/v1/accounts/${alice.account}`
    const { body } = await read(`${path}/entries?order=asc`)
    const entries = body['data']
    if (!Array.isArray(entries)) throw new Error('there are entries')
    expect(entries.map(({ seq, balance_after }) => [seq, balance_after])).toEqual([
      [1, 1000],
      [2, 900],
      [3, 880],
      [4, 877],
    ])
    for (const { seq, balance_after, created_at } of entries) {
      expect((await read(`${path}?seq=${seq}`, auditor)).body).toEqual({
        id: alice.account,
        currency: 'EUR',
        ledger_balance: balance_after,
        version: seq,
        at: created_at,
      })
    }
    const last = entries.at(-1)
    expect((await read(`${path}?at=${last.created_at}`)).body).toMatchObject({ version: 4 })
    const before = new Date(Date.parse(entries[0].created_at) - 1).toISOString()
    expect((await read(`${path}?at=${before}`)).body).toMatchObject({
      ledger_balance: 0,
      version: 0,
      at: before,
    })
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString()
    expect((await read(`${path}?at=${tomorrow}`)).body).toMatchObject({
      status: 400,
      errors: [{ pointer: 'at', code: 'future' }],
    })
    expect((await read(`${path}?seq=1`, teller)).body).toMatchObject({ code: 'role_required' })
    expect((await read(`${path}?seq=1`, bob)).body).toMatchObject({ code: 'account_not_found' })
  })
})

describe('limits', () => {
  test('are in force from the moment at which an admin sets them, for what left today too', async () => {
    expect((await pay(300)).status).toBe(201)
    const { status, body } = await setLimits(200, 400)
    expect(status).toBe(200)
    expect(body).toMatchObject({ limits: { per_transfer: 200, per_day: 400 } })
    expect((await read(`/v1/accounts/${alice.account}`)).body).toEqual(body)
    expect(await pay(201)).toMatchObject({
      status: 422,
      body: { code: 'limit_exceeded', limit: 200, requested: 201, currency: 'EUR' },
    })
    expect(await pay(101)).toMatchObject({
      status: 422,
      body: { code: 'daily_limit_exceeded', limit: 400, available: 100, requested: 101 },
    })
    const tried = await pay(60, '?dry_run=true')
    expect(tried.body).toMatchObject({
      dry_run: true,
      preview: { limits: { transfer: 200, daily_remaining: 40 } },
    })
    expect((await pay(100)).status).toBe(201)
    expect((await pay(1)).body).toMatchObject({ code: 'daily_limit_exceeded', available: 0 })
    await setLimits(null, null)
    expect((await pay(1)).status).toBe(201)
  })

  test('are shown to the owner and to staff, and set by neither owner nor other staff', async () => {
    await setLimits(5, null)
    const limits = { per_transfer: 5, per_day: null }
    for (const person of [alice, teller, auditor, admin]) {
      expect((await read(`/v1/accounts/${alice.account}`, person)).body).toMatchObject({ limits })
    }
    for (const { token } of [alice, teller, auditor]) {
      const path = `/v1/accounts/${alice.account}/limits`
      expect((await api.send('PUT', path, { token, body: limits })).status).toBe(403)
    }
  })
})

describe('the end of an account', () => {
  test('is for good, and comes only with nothing on it', async () => {
    const { account, token } = alice
    expect((await close(alice, account)).body).toMatchObject({
      status: 409,
      code: 'account_not_empty',
      ledger_balance: 1000,
    })
    await pay(1000)
    const named = await api.send('PATCH', `/v1/accounts/${account}`, {
      token,
      body: { name: 'Old' },
    })
    expect(named.body).toMatchObject({ name: 'Old' })
    expect((await close(alice, account)).body).toMatchObject({ status: 'closed', name: 'Old' })
    expect((await close(alice, account)).status).toBe(200)
    const back = { from_account_id: bob.account, to_account_id: account, amount: 1 }
    expect((await post(bob, '/v1/transfers', { ...back, currency: 'EUR' })).body).toMatchObject({
      code: 'account_closed',
      side: 'credit',
    })
    const cash = { account_id: account, amount: 1, currency: 'EUR' }
    expect((await post(teller, '/v1/deposits', cash)).body).toMatchObject({
      code: 'account_closed',
    })
    const payee = `/v1/payees?username=${alice.username}&currency=EUR`
    expect((await read(payee, bob)).body).toMatchObject({ code: 'payee_not_found' })
    // What was there can still be looked up.
    expect((await read(`/v1/accounts/${account}?seq=1`)).body).toMatchObject({
      ledger_balance: 1000,
    })
  })

  test('and the limits before it are in the audit trail, with who did it', async () => {
    await setLimits(200, 1000)
    await setLimits(null, 1000)
    await pay(1000)
    await close(alice, alice.account)
    const { body } = await read(`/v1/audit-events?subject_id=${alice.account}`, auditor)
    expect(body['data']).toMatchObject([
      { kind: 'account.closed', actor_id: alice.user, facts: {} },
      { kind: 'account.limits_set', actor_id: admin.user, facts: { per_day: 1000 } },
      {
        kind: 'account.limits_set',
        actor_id: admin.user,
        facts: { per_transfer: 200, per_day: 1000 },
      },
      expect.anything(),
    ])
  })
})
