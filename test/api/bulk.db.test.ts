/** Bulks and dry runs on a whole bank: real HTTP, real PostgreSQL, audited at the end. */
import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAccessWorld, type AccessWorld, type Person } from '../access/world.ts'

let world: AccessWorld
let count = 0

beforeAll(async () => {
  world = await createAccessWorld()
})

afterAll(() => world.close())

const pay = (from: Person, to: Person, change: object = {}) => ({
  from_account_id: from.account,
  to_account_id: to.account,
  amount: 1,
  currency: 'EUR',
  ...change,
})

interface Answer {
  status: number
  text: string
  replayed: boolean
}

async function send(path: string, who: Person, body: unknown, key?: string): Promise<Answer> {
  count += 1
  const response = await fetch(world.url + path, {
    method: 'POST',
    headers: headersOf(who, key ?? `key-${count}`),
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const replayed = response.headers.get('idempotency-replayed') === 'true'
  return { status: response.status, text: await response.text(), replayed }
}

const headersOf = ({ token }: Person, key: string) => ({
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  'idempotency-key': key,
})

const bulkPath = '/v1/transfers/bulk'
const counts = async () =>
  (
    await world.query<{ transfers: string; keys: string }>(
      'select (select count(*) from transfer) transfers, (select count(*) from idempotency_key) keys',
    )
  )[0]

async function balanceOf(who: Person): Promise<number> {
  const response = await fetch(`${world.url}/v1/accounts/${who.account}`, {
    headers: { authorization: `Bearer ${who.token}` },
  })
  const account: { ledger_balance: number } = JSON.parse(await response.text())
  return account.ledger_balance
}

test('a transfer and a problem in a bulk are what a single request answers, to the byte', async () => {
  const [from, to] = [await world.person(), await world.person()]
  const good = pay(from, to, { metadata: { b: '2', a: '1' }, reference: 'r-1' })
  const bad = pay(from, to, { amount: 5000 })
  const first = await send('/v1/transfers', from, good, 'good')
  const second = await send('/v1/transfers', from, bad, 'bad')
  const transfers = [
    { ...good, idempotency_key: 'good' },
    { ...bad, idempotency_key: 'bad' },
  ]
  const bulk = await send(bulkPath, from, { transfers })
  expect(bulk.text).toBe(
    `{"outcomes":[{"index":0,"status":"posted","transfer":${first.text}},` +
      `{"index":1,"status":"refused","problem":${second.text}}]}`,
  )
  expect(bulk.replayed).toBe(true)
})

test('8,000 are posted once, in order, and given again to the byte', async () => {
  const [from, to] = [await world.person(), await world.person()]
  const transfers = Array.from({ length: 8000 }, (_, index) =>
    index % 10 === 0 ? pay(from, to) : pay(to, from),
  )
  const first = await send(bulkPath, from, { transfers }, 'payroll')
  expect(first.status).toBe(200)
  const { outcomes }: { outcomes: { index: number; status: string }[] } = JSON.parse(first.text)
  expect(outcomes.map(({ index }) => index)).toEqual([...transfers.keys()])
  expect(outcomes.filter(({ status }) => status === 'posted')).toHaveLength(800)
  const before = await counts()
  const again = await send(bulkPath, from, { transfers }, 'payroll')
  expect(again.text === first.text).toBe(true)
  expect(again.replayed).toBe(true)
  expect(await counts()).toEqual(before)
  expect(await balanceOf(from)).toBe(200)
})

test('what a client has sent and not waited for is posted all the same', async () => {
  const [from, to] = [await world.person(), await world.person()]
  const body = JSON.stringify({ transfers: Array.from({ length: 900 }, () => pay(from, to)) })
  await new Promise<void>((resolve, reject) => {
    const cut = request(`${world.url}${bulkPath}`, {
      method: 'POST',
      headers: headersOf(from, 'cut'),
    })
    // The line is cut as soon as the first transfer is in the books.
    cut.once('error', () => resolve())
    cut.end(body)
    void hasPaid(from).then(() => cut.destroy(), reject)
  })
  const answer = await send(bulkPath, from, body, 'cut')
  expect(answer.status).toBe(200)
  const { outcomes }: { outcomes: { status: string }[] } = JSON.parse(answer.text)
  expect(outcomes.every(({ status }) => status === 'posted')).toBe(true)
  expect(await balanceOf(from)).toBe(100)
})

async function hasPaid(who: Person): Promise<void> {
  while ((await balanceOf(who)) === 1000) await new Promise<void>((go) => void setImmediate(go))
}

test('an atomic bulk is posted whole in one group, or refused whole', async () => {
  const [from, to] = [await world.person(), await world.person()]
  const good = { atomic: true, transfers: [pay(from, to), pay(from, to, { amount: 2 })] }
  const posted = await send(bulkPath, from, good, 'group')
  expect(posted.status).toBe(200)
  expect(new Set(posted.text.match(/group_[0-9a-z]{26}/g)).size).toBe(1)
  const again = await send(bulkPath, from, good, 'group')
  expect([again.text, again.replayed]).toEqual([posted.text, true])
  const bad = { atomic: true, transfers: [pay(from, to), pay(from, to, { amount: 997 })] }
  const refused = await send(bulkPath, from, bad)
  expect(refused.status).toBe(422)
  expect(JSON.parse(refused.text)).toMatchObject({
    code: 'group_failed',
    available: 996,
    errors: [{ pointer: '/transfers/1', code: 'insufficient_funds' }],
  })
  expect(await balanceOf(from)).toBe(997)
})

test('a dry run leaves nothing in the database', async () => {
  const [from, to] = [await world.person(), await world.person()]
  const before = await counts()
  const single = await send('/v1/transfers?dry_run=true', from, pay(from, to), 'tried')
  expect(single.status).toBe(200)
  expect(JSON.parse(single.text)).toMatchObject({
    dry_run: true,
    from_entry: { balance_after: 999 },
    preview: { from_account: { ledger_balance: 999, held: 0, available_balance: 999 } },
  })
  const transfers = Array.from({ length: 500 }, () => pay(from, to, { amount: 600 }))
  const bulk = await send(`${bulkPath}?dry_run=true`, from, { transfers }, 'tried')
  const { outcomes }: { outcomes: { status: string }[] } = JSON.parse(bulk.text)
  expect(outcomes.filter(({ status }) => status === 'posted')).toHaveLength(500)
  expect(await counts()).toEqual(before)
  const real = await send('/v1/transfers', from, pay(from, to), 'tried')
  expect([real.status, real.replayed]).toEqual([201, false])
})

test('what is wrong with the last of 8,000 is named, and none is posted', async () => {
  const [from, to] = [await world.person(), await world.person()]
  const before = await counts()
  const text = JSON.stringify({ transfers: Array.from({ length: 8000 }, () => pay(from, to)) })
  const end = text.lastIndexOf('"amount":1')
  const at = (change: string) => text.slice(0, end) + change + text.slice(end + 10)
  const cases: [string, string, string][] = [
    [at('"amount":1,"amount":1'), '/transfers/7999/amount', 'duplicate_member'],
    [at('"amount":1.5'), '/transfers/7999/amount', 'number_form'],
    [at('"amount":0'), '/transfers/7999/amount', 'minimum'],
    [at('"amount":1,"owner_id":"x"'), '/transfers/7999/owner_id', 'additionalProperties'],
    [at('"amount":1,"metadata":{"a":"\\u0000"}'), '/transfers/7999/metadata/a', 'nul_character'],
    [text.slice(0, -1), '', 'truncated'],
    [text.replace('[', '[null,'), '/transfers', 'maxItems'],
    ['['.repeat(100_000), '', 'depth'],
    [`{"transfers":[${'1,'.repeat(400_000)}1]}`, '', 'too_many_values'],
  ]
  for (const [body, pointer, code] of cases) {
    const { status, text: answer } = await send(bulkPath, from, body)
    expect({ code, status }).toEqual({ code, status: 400 })
    const { errors }: { errors: { pointer: string; code: string }[] } = JSON.parse(answer)
    const found = errors.find((error) => error.code === code)
    expect({ code, isFound: found?.pointer.startsWith(pointer) }).toEqual({ code, isFound: true })
  }
  const limit = 8 * 1024 * 1024
  const large = await send(bulkPath, from, text + ' '.repeat(limit + 1 - text.length))
  expect(large.status).toBe(413)
  expect(await counts()).toEqual(before)
})

test('after all of this the books are right', async () => {
  expect(await world.audit()).toEqual([])
})
