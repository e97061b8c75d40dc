/**
 * The whole story once, on the real process and over real HTTP, as people would live it: each test
 * goes on where the one before it ended.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApi, type Api, type Json } from '../../tools/api.ts'
import { runCommand } from '../../tools/command.ts'
import { spawnBank, type SpawnedBank } from '../process/bank.ts'
import { createTestFolder, type TestFolder } from '../support/postgres.ts'

let folder: TestFolder
let bank: SpawnedBank
let api: Api

const settings: Record<string, string> = {
  APP_ENV_FILE: '/dev/null',
  BCRYPT_COST: '4',
  ...readSettings(process.env['TEST_BANK_SETTINGS']),
}
const password = 'correct horse battery'
const tokens: Record<string, string> = {}
const accounts: Record<string, string> = {}

/** JSON, for a bank that is not on the embedded PostgreSQL: see deploy/checks/pooler.check.ts. */
function readSettings(text = '{}'): Record<string, string> {
  const given: unknown = JSON.parse(text)
  const entries = typeof given === 'object' && given !== null ? Object.entries(given) : []
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]))
}

beforeAll(async () => {
  folder = await createTestFolder()
  settings['DATA_DIR'] = join(folder.path, 'data')
  bank = spawnBank(settings)
  api = createApi((await bank.opened()).api)
})

afterAll(async () => {
  process.kill(bank.pid, 'SIGTERM')
  await bank.closed
  await folder.remove()
})

async function balanceOf(user: string): Promise<unknown> {
  const account = await api.call('GET', `/v1/accounts/${accounts[user]}`, { token: tokens[user] })
  return account['ledger_balance']
}

function pay(amount: number, idempotencyKey: string) {
  const body = {
    from_account_id: accounts['alice'],
    to_account_id: accounts['bob'],
    amount,
    currency: 'EUR',
  }
  return api.send('POST', '/v1/transfers', { token: tokens['alice'], idempotencyKey, body })
}

test('people sign up and log in', async () => {
  for (const username of ['alice', 'bob', 'tina']) {
    const body = { username, password, full_name: username, email: `${username}@example.com` }
    expect(await api.call('POST', '/v1/users', { body })).toMatchObject({ username })
    const session = await api.call('POST', '/v1/sessions', { body: { username, password } })
    tokens[username] = api.text(session, 'access_token')
  }
})

test('with their token they open accounts, which only they can see', async () => {
  for (const username of ['alice', 'bob']) {
    const token = tokens[username]
    const account = await api.call('POST', '/v1/accounts', { token, body: { currency: 'EUR' } })
    expect(account).toMatchObject({ currency: 'EUR' })
    accounts[username] = api.text(account, 'id')
  }
  const path = `/v1/accounts/${accounts['alice']}`
  expect(await api.call('GET', path, { token: tokens['alice'] })).toMatchObject({
    id: accounts['alice'],
    currency: 'EUR',
    ledger_balance: 0,
  })
  expect((await api.send('GET', path, { token: tokens['bob'] })).status).toBe(404)
  expect((await api.send('GET', path)).status).toBe(401)
})

test('a teller, made one by the command, pays in what a customer may not', async () => {
  const body = { account_id: accounts['alice'], amount: 10_000, currency: 'EUR' }
  const deposit = { token: tokens['tina'], idempotencyKey: 'deposit-1', body }
  expect((await api.send('POST', '/v1/deposits', deposit)).status).toBe(403)
  expect(await runCommand(['users', 'grant', 'tina', 'teller'], { settings })).toBe(
    'tina: customer, teller (active)',
  )
  // A change of roles may end the access tokens from before it.
  const session = await api.call('POST', '/v1/sessions', { body: { username: 'tina', password } })
  deposit.token = api.text(session, 'access_token')
  expect((await api.send('POST', '/v1/deposits', deposit)).status).toBe(201)
  expect(await balanceOf('alice')).toBe(10_000)
})

let first: Json

test('a transfer is posted once, however often it is sent', async () => {
  const payee = await api.call('GET', '/v1/payees?username=bob&currency=EUR', {
    token: tokens['alice'],
  })
  expect(payee['account_id']).toBe(accounts['bob'])
  const posted = await pay(2500, 'rent-1')
  expect(posted).toMatchObject({ status: 201, replayed: false })
  first = posted.body
  const replay = await pay(2500, 'rent-1')
  expect(replay).toEqual({ ...posted, replayed: true })
  expect([await balanceOf('alice'), await balanceOf('bob')]).toEqual([7500, 2500])
  const reused = await pay(2501, 'rent-1')
  expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
})

test('an overdraft is refused and changes nothing, and what is left can be spent', async () => {
  const refused = await pay(7501, 'rent-2')
  expect(refused).toMatchObject({
    status: 422,
    body: { code: 'insufficient_funds', available: 7500, requested: 7501 },
  })
  expect(await pay(7501, 'rent-2')).toEqual({ ...refused, replayed: true })
  expect((await pay(7500, 'rent-3')).status).toBe(201)
  expect([await balanceOf('alice'), await balanceOf('bob')]).toEqual([0, 10_000])
})

test('the entries have every movement with its balance', async () => {
  const path = `/v1/accounts/${accounts['alice']}/entries`
  const { data } = await api.call('GET', path, { token: tokens['alice'] })
  expect(data).toMatchObject([
    { seq: 3, amount: -7500, balance_after: 0 },
    { seq: 2, amount: -2500, balance_after: 7500 },
    { seq: 1, amount: 10_000, balance_after: 10_000 },
  ])
})

test('after a restart everything is there, and the same key still has the same answer', async () => {
  process.kill(bank.pid, 'SIGTERM')
  expect(await bank.exited).toBe(0)
  bank = spawnBank(settings)
  api = createApi((await bank.opened()).api)
  expect(await balanceOf('bob')).toBe(10_000)
  expect(await pay(2500, 'rent-1')).toMatchObject({ status: 201, replayed: true, body: first })
  expect(await runCommand(['trial-balance'], { settings })).toMatch(
    /^balanced +100\.00 +100\.00 +0\.00$/m,
  )
  expect(await runCommand(['audit'], { settings })).toContain('The books are right')
})

test('the log has a line for each request, with who asked and what came of it', () => {
  const lines = bank
    .stdout()
    .split('\n')
    .filter((line) => line.includes('"msg":"request"'))
  expect(lines.map((line): unknown => JSON.parse(line))).toContainEqual(
    expect.objectContaining({
      request_id: expect.stringMatching(/^req_/),
      method: 'GET',
      route: '/v1/accounts/:id',
      status: 200,
      user_id: expect.stringMatching(/^user_/),
    }),
  )
})
