/**
 * Input that is wrong, to a bank as it is deployed: every kind of it is refused with a problem
 * document of its own, never with a 5xx, and has no effect. Here in paths, queries and bodies.
 */
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { AccessWorld, Person } from '../access/world.ts'
import { useInputWorld, type Sent } from './input-world.ts'

const { people, send, good, refused, refusal } = useInputWorld()
let world: AccessWorld
let alice: Person
let bob: Person
let admin: Person

beforeAll(() => {
  ;({ world, alice, bob, admin } = people())
})

function pay(body: string | Uint8Array<ArrayBuffer>, who = alice, key: string = randomUUID()) {
  return send('/v1/transfers', { who, headers: { 'idempotency-key': key }, body })
}

const payWith = (changes: object) => pay(JSON.stringify({ ...good(), ...changes }))
const payText = (change: (json: string) => string) => pay(change(JSON.stringify(good())))

const fill = (size: number) => payText((json) => json + ' '.repeat(size - json.length))
const withoutIds = ({ text }: Sent) => text.replaceAll(/req_\w+/g, '')

function signUp(changes: object) {
  const person = {
    username: `u_${randomUUID().slice(0, 8)}`,
    password: 'correct horse battery',
    full_name: 'A Person',
    email: 'person@example.com',
  }
  return send('/v1/users', { body: JSON.stringify({ ...person, ...changes }) })
}

describe('JSON', () => {
  it.each([
    ['nothing', () => ''],
    ['null', () => 'null'],
    ['an array', (json: string) => `[${json}]`],
    ['half of it', (json: string) => json.slice(0, 40)],
    ['a trailing comma', (json: string) => json.replace('}', ',}')],
    ['NaN', (json: string) => json.replace(':1,', ':NaN,')],
    ['Infinity', (json: string) => json.replace(':1,', ':Infinity,')],
    ['a comment', (json: string) => `/* */${json}`],
    ['single quotes', (json: string) => json.replaceAll('"', "'")],
    ['a byte order mark', (json: string) => `\uFEFF${json}`],
    ['a lone surrogate', (json: string) => json.replace('{', '{"description":"\\ud800",')],
    ['a NUL', (json: string) => json.replace('{', '{"description":"\\u0000",')],
    ['a duplicate member', (json: string) => json.replace('{', '{"amount":1,')],
    ['the same in escapes', (json: string) => json.replace('{', '{"\\u0061mount":1,')],
    ['__proto__', (json: string) => json.replace('{', '{"__proto__":{"amount":1},')],
    ['depth 33', () => '['.repeat(33) + ']'.repeat(33)],
    ['depth 100,000', () => '['.repeat(100_000) + ']'.repeat(100_000)],
    ['two texts', (json: string) => json + json],
  ])('with %s is refused', async (_, change) => {
    expect(await refusal(() => payText(change))).toBe(400)
  })

  it('in invalid UTF-8 is refused', async () => {
    const json = JSON.stringify({ ...good(), description: 'x' })
    const at = json.indexOf('"x"') + 1
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
      const body = Buffer.concat(
        [json.slice(0, at), bytes, json.slice(at + 1)].map((part) => Buffer.from(part)),
      )
      expect(await refusal(() => pay(new Uint8Array(body)))).toBe(400)
    }
  })

  it('of the size limit is read, and of one byte more is not', async () => {
    expect(await fill(1024 * 1024)).toMatchObject({ status: 201 })
    expect(await refusal(() => fill(1024 * 1024 + 1))).toBe(413)
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16'])(
    'sent as %s is refused',
    async (type) => {
      const headers = { 'idempotency-key': randomUUID(), 'content-type': type }
      const body = JSON.stringify(good())
      expect(await refusal(() => send('/v1/transfers', { headers, body }))).toBe(415)
    },
  )

  it.each(['role', 'owner_id', 'balance', 'constructor', 'toString', 'created_at'])(
    'with a member %s that is unknown is refused',
    async (name) => {
      expect(await refusal(() => payWith({ [name]: 'x' }))).toBe(400)
    },
  )

  it('with any member of any other type is refused', async () => {
    for (const name of Object.keys(good())) {
      for (const value of [null, true, 0, '', [], {}, [[]], 'x'.repeat(10_240)]) {
        expect(await refusal(() => payWith({ [name]: value }))).toBe(400)
      }
    }
  }, 60_000)
})

describe('money', () => {
  it.each(['0', '-1', '1.5', '1.0', '1e3', '1E400', '"1"', '01', '+1', '9007199254740992'])(
    'of %s is refused',
    async (amount) => {
      expect(await refusal(() => payText((json) => json.replace(':1,', `:${amount},`)))).toBe(400)
    },
  )

  it('more than there is by 1 is refused, and exactly what there is is paid', async () => {
    const carol = await world.person()
    const from = { from_account_id: carol.account }
    const payAll = (amount: number) =>
      pay(JSON.stringify({ ...good(), ...from, amount }), carol, `all-${carol.user}-${amount}`)
    expect(await payAll(1001)).toMatchObject({ status: 422, code: 'insufficient_funds' })
    expect(await payAll(1000)).toMatchObject({ status: 201 })
    expect(await payAll(1)).toMatchObject({ status: 422, code: 'insufficient_funds' })
  })
})

describe('ids', () => {
  it('of another kind, of no form, of 10 KiB or with SQL or a NUL are refused', async () => {
    const strange = [
      alice.user,
      alice.transfer,
      'x',
      "' or 1=1 --",
      'a\u0000',
      alice.account.toUpperCase(),
    ]
    for (const id of [...strange, `${alice.account} `, 'x'.repeat(200)]) {
      expect(await refusal(() => send(`/v1/accounts/${encodeURIComponent(id)}`))).toBe(400)
      expect(await refusal(() => payWith({ to_account_id: id }))).toBe(400)
    }
    expect(await refusal(() => send(`/v1/accounts/${'x'.repeat(10_240)}`))).toBe(414)
    expect(await refusal(() => payWith({ to_account_id: 'x'.repeat(10_240) }))).toBe(400)
  })

  it("of nobody's and of somebody else's give the same bytes", async () => {
    const absent = world.absent()
    for (const path of ['', '/entries']) {
      const others = await refused(() => send(`/v1/accounts/${bob.account}${path}`))
      const none = await refused(() => send(`/v1/accounts/${absent.account}${path}`))
      expect(others.status).toBe(404)
      expect(withoutIds(others)).toBe(withoutIds(none))
    }
    const others = await payWith({ from_account_id: bob.account })
    const none = await payWith({ from_account_id: absent.account })
    expect(others).toMatchObject({ status: 404, code: 'account_not_found' })
    expect(withoutIds(others)).toBe(withoutIds(none))
  })
})

describe('lists', () => {
  const lists = ['/v1/accounts', '/v1/sessions', '/v1/api-keys'] as const

  it.each(['0', '-1', '101', '1e9', '1000000000', '', '1&limit=2', '1.0', '%00'])(
    'with the limit %s are refused',
    async (limit) => {
      for (const list of lists)
        expect(await refusal(() => send(`${list}?limit=${limit}`))).toBe(400)
    },
  )

  it("with a cursor that was changed, of another list or another user's are refused", async () => {
    const page = await send('/v1/sessions?limit=1')
    const cursor = /"next_cursor":"([^"]+)"/.exec(page.text)?.[1] ?? ''
    expect(await send(`/v1/sessions?limit=1&cursor=${cursor}`)).toMatchObject({ status: 200 })
    for (const query of [`${cursor}x`, cursor.slice(1), cursor.toUpperCase(), 'x', '%00']) {
      expect(await refusal(() => send(`/v1/sessions?limit=1&cursor=${query}`))).toBe(400)
    }
    expect(await refusal(() => send(`/v1/accounts?cursor=${cursor}`))).toBe(400)
    expect(await refusal(() => send(`/v1/sessions?cursor=${cursor}`, { who: bob }))).toBe(400)
  })
})

it('a NUL in any query is refused', async () => {
  const paths = [
    '/v1/users?email=a%00b',
    '/v1/users?username=a%00b',
    '/v1/audit-events?kind=a%00b',
    `/v1/transfers?account_id=${alice.account}&reference=a%00b`,
    '/v1/payees?username=a%00b&currency=EUR',
    '/v1/accounts?cursor=%00',
  ]
  for (const path of paths) {
    expect([path, await refusal(() => send(path, { who: admin }))]).toEqual([path, 400])
  }
})

describe('words', () => {
  it.each([
    [
      'full_name',
      ['', '   ', 'a\tb', 'a\u0000b', '\u202Eevil', 'x'.repeat(257), 'a\u0301'.repeat(200)],
    ],
    ['username', ['', 'ab', 'x'.repeat(65), 'a b', 'älice', 'ＡＬＩＣＥ', 'a\u0000b', "a'--"]],
    ['email', ['', 'a', 'a@b@c.de', 'a@b.de\r\nBcc: x@y.de', 'a @b.de', `${'x'.repeat(250)}@b.de`]],
    [
      'password',
      ['', 'short', 'x'.repeat(73), 'ä'.repeat(37), 'a\u0000 long password', 'password'],
    ],
  ] as const)('a %s that cannot be one is refused', async (name, values) => {
    for (const value of values) expect(await refusal(() => signUp({ [name]: value }))).toBe(400)
  })

  it('a day that there is not is refused', async () => {
    for (const from of ['2026-02-30T00:00:00.000Z', '2026-13-01T00:00:00Z', 'yesterday', '0']) {
      const path = `/v1/accounts/${alice.account}/entries?from=${encodeURIComponent(from)}`
      expect(await refusal(() => send(path))).toBe(400)
    }
  })
})

describe('paths', () => {
  it.each([
    ['/v1/Accounts', 404],
    ['//v1/accounts', 404],
    ['/v1//accounts', 404],
    ['/v1/accounts%2f', 404],
    ['/v1/accounts/%00', 400],
    ['/v1/accounts/%c0%af', 400],
    ['/v1/accounts/%', 400],
    ['/v1/accounts;a=b', 404],
    ['/v2/accounts', 404],
  ])('%s is none: %i', async (path, status) => {
    expect(await refusal(() => send(path))).toBe(status)
  })
})

it('none of it was a defect, and the books are right', async () => {
  expect(await send('/v1/accounts', { who: admin })).toMatchObject({ status: 200 })
  expect(await world.audit()).toEqual([])
})
