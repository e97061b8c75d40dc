/** A program that moves money with an API key, on a whole bank. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createAccessWorld, type AccessWorld, type Person } from '../access/world.ts'

interface Call {
  token: string
  body?: object
  idempotencyKey?: string
}

let world: AccessWorld

beforeAll(async () => {
  world = await createAccessWorld()
})

afterEach(async () => {
  const findings = await world.audit()
  if (findings.length > 0) throw new Error(`the books are wrong: ${JSON.stringify(findings)}`)
})

afterAll(async () => {
  await world.close()
})

async function call(method: string, path: string, { token, body, idempotencyKey }: Call) {
  const response = await fetch(world.url + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body && { 'content-type': 'application/json' }),
      ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const replayed = response.headers.get('idempotency-replayed')
  return { status: response.status, replayed, text: await response.text() }
}

async function createKey(
  person: Person,
  ...scopes: string[]
): Promise<{ id: string; key: string }> {
  const body = { name: 'program', scopes }
  const { status, text } = await call('POST', '/v1/api-keys', { token: person.token, body })
  expect(status).toBe(201)
  const member = (name: string) => new RegExp(`"${name}":"([^"]+)"`).exec(text)?.[1] ?? ''
  return { id: member('id'), key: member('key') }
}

async function balanceOf({ account, token }: Person): Promise<number> {
  const { text } = await call('GET', `/v1/accounts/${account}`, { token })
  return Number(/"ledger_balance":(-?\d+)/.exec(text)?.[1])
}

function payment(from: Person, to: Person) {
  return { from_account_id: from.account, to_account_id: to.account, amount: 10, currency: 'EUR' }
}

test("an idempotency key is the user's: it survives another API key and a login", async () => {
  const [payer, receiver] = [await world.person(), await world.person()]
  const first = await createKey(payer, 'transfers:write')
  const body = payment(payer, receiver)
  const send = (token: string) =>
    call('POST', '/v1/transfers', { token, body, idempotencyKey: 'salary-1' })
  const posted = await send(first.key)
  expect([posted.status, posted.replayed]).toEqual([201, null])

  const second = await createKey(payer, 'transfers:write')
  await call('DELETE', `/v1/api-keys/${first.id}`, { token: payer.token })
  expect((await send(first.key)).status).toBe(401)
  for (const token of [second.key, payer.token]) {
    expect(await send(token)).toEqual({ status: 201, replayed: 'true', text: posted.text })
  }
  expect([await balanceOf(payer), await balanceOf(receiver)]).toEqual([990, 1010])
})

test('a key without the scope moves nothing', async () => {
  const [payer, receiver] = [await world.person(), await world.person()]
  const { key } = await createKey(payer, 'accounts:read', 'transfers:read', 'deposits:write')
  const body = payment(payer, receiver)
  const refused = await call('POST', '/v1/transfers', { token: key, body, idempotencyKey: 'k' })
  expect(refused.status).toBe(403)
  expect(refused.text).toContain('"code":"scope_required"')
  const deposit = { account_id: receiver.account, amount: 10, currency: 'EUR' }
  const paying = { token: key, body: deposit, idempotencyKey: 'k' }
  expect((await call('POST', '/v1/deposits', paying)).text).toContain('"code":"role_required"')
  expect([await balanceOf(payer), await balanceOf(receiver)]).toEqual([1000, 1000])
  expect((await call('GET', `/v1/accounts/${payer.account}`, { token: key })).status).toBe(200)
})

test("a teller's key pays in, and an account of somebody else stays out of reach of a customer's", async () => {
  const [teller, customer] = [await world.person('teller'), await world.person()]
  const { key } = await createKey(teller, 'deposits:write', 'withdrawals:write')
  const body = { account_id: customer.account, amount: 10, currency: 'EUR' }
  const paidIn = await call('POST', '/v1/deposits', { token: key, body, idempotencyKey: 'in' })
  const paidOut = await call('POST', '/v1/withdrawals', { token: key, body, idempotencyKey: 'out' })
  expect([paidIn.status, paidOut.status]).toEqual([201, 201])
  const reader = await createKey(customer, 'accounts:read')
  const other = await call('GET', `/v1/accounts/${teller.account}`, { token: reader.key })
  expect(other.status).toBe(404)
})
