/**
 * Input that is wrong, to a bank as it is deployed: every kind of it is refused with a problem
 * document of its own, never with a 5xx, and has no effect.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccessWorld, type AccessWorld, type Person } from '../access/world.ts'

let world: AccessWorld
let alice: Person
let bob: Person
let admin: Person

beforeAll(async () => {
  world = await createAccessWorld()
  alice = await world.person()
  bob = await world.person()
  admin = await world.person('admin', 'teller', 'auditor')
})

afterAll(() => world.close())

interface Sent {
  status: number
  code: unknown
  text: string
}

interface Request {
  who?: Person | undefined
  method?: string
  headers?: Record<string, string>
  body?: string | Uint8Array<ArrayBuffer>
}

async function send(path: string, { who = alice, method, headers, body }: Request = {}) {
  const response = await fetch(world.url + path, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      authorization: `Bearer ${who.token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body }),
  })
  const text = await response.text()
  const isProblem = response.headers.get('content-type') === 'application/problem+json'
  const document: unknown = isProblem ? JSON.parse(text) : undefined
  const code =
    typeof document === 'object' && document !== null && 'code' in document && document.code
  return { status: response.status, code, text } satisfies Sent
}

/** Everything that a request could have changed. */
async function state(): Promise<unknown> {
  const [row] = await world.query(`select
    (select count(*) from transfer) as transfers, (select count(*) from app_user) as users,
    (select count(*) from account) as accounts, (select count(*) from idempotency_key) as keys,
    (select sum(ledger_balance) from account) as money, (select count(*) from session) as sessions`)
  return row
}

const good = () => ({
  from_account_id: alice.account,
  to_account_id: bob.account,
  amount: 1,
  currency: 'EUR',
})

function pay(body: string | Uint8Array<ArrayBuffer>, who = alice, key: string = randomUUID()) {
  return send('/v1/transfers', { who, headers: { 'idempotency-key': key }, body })
}

const payWith = (changes: object) => pay(JSON.stringify({ ...good(), ...changes }))
const payText = (change: (json: string) => string) => pay(change(JSON.stringify(good())))

/** The answer to what must be refused, with a problem document and without an effect. */
async function refused(act: () => Promise<Sent>): Promise<Sent> {
  const before = await state()
  const sent = await act()
  expect(sent).toMatchObject({ code: expect.any(String) })
  expect(await state()).toEqual(before)
  return sent
}

async function refusal(act: () => Promise<Sent>): Promise<number> {
  return (await refused(act)).status
}

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

const goodBody = () => JSON.stringify(good())

function withKey(key: string | undefined, body: string, who = alice) {
  const headers = key === undefined ? {} : { 'idempotency-key': key }
  return send('/v1/transfers', { who, headers, body })
}

describe('idempotency keys', () => {
  it('that are missing, empty, too long or not ASCII are refused', async () => {
    for (const key of [undefined, '', 'x'.repeat(256), 'with blank', 'k\u00e9', 'a, b']) {
      expect(await refusal(() => withKey(key, goodBody()))).toBe(400)
    }
  })

  it('of a try that was refused as such are still unused', async () => {
    const key = randomUUID()
    expect(await refusal(() => withKey(key, '{}'))).toBe(400)
    expect(await refusal(() => withKey(key, goodBody().replace(':1,', ':0,')))).toBe(400)
    expect(await withKey(key, goodBody())).toMatchObject({ status: 201 })
  })

  it('stand for the content, not for its white space and order', async () => {
    const key = randomUUID()
    const first = await withKey(key, goodBody())
    const shuffled = JSON.stringify(
      Object.fromEntries(Object.entries(good()).toReversed()),
      null,
      2,
    )
    expect(await withKey(key, shuffled)).toEqual(first)
    const other = await refused(() => withKey(key, goodBody().replace(':1,', ':2,')))
    expect(other).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
  })

  it('of another user are independent', async () => {
    const key = randomUUID()
    const mine = await withKey(key, goodBody())
    const theirs = { ...good(), from_account_id: bob.account, to_account_id: alice.account }
    const other = await withKey(key, JSON.stringify(theirs), bob)
    expect(other.status).toBe(201)
    expect(other.text).not.toBe(mine.text)
  })

  it('50 at once have one effect and one answer', async () => {
    const key = randomUUID()
    const [before] = await world.query('select count(*) from transfer')
    const answers = await Promise.all(Array.from({ length: 50 }, () => withKey(key, goodBody())))
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    const [after] = await world.query('select count(*) - 1 as count from transfer')
    expect(Number(Object.values(after ?? {})[0])).toBe(Number(Object.values(before ?? {})[0]))
  })
})

function me(authorization: string | undefined, path = '/v1/users/me') {
  return fetch(world.url + path, { headers: authorization === undefined ? {} : { authorization } })
}

describe('tokens', () => {
  it('with any letter changed, cut or spelled in another way get one and the same 401', async () => {
    const { token } = alice
    const bodies = new Set<string>()
    const flips = Array.from({ length: 40 }, (_, index) => {
      const at = 9 + Math.floor(((token.length - 9) * index) / 40)
      return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    })
    const others = [
      token.slice(0, -1),
      `${token}A`,
      `${token}=`,
      token.toUpperCase(),
      'x',
      'v4.local.',
    ]
    const jwts = ['eyJhbGciOiJub25lIn0.e30.', 'eyJhbGciOiJIUzI1NiJ9.e30.AAAA', '..']
    for (const text of [...flips, ...others, ...jwts]) {
      const response = await me(`Bearer ${text}`)
      expect([text, response.status]).toEqual([text, 401])
      bodies.add((await response.text()).replace(/req_\w+/, ''))
    }
    expect([...bodies]).toEqual([expect.stringContaining('"token_invalid"')])
  })

  it('count nowhere but in Authorization: Bearer', async () => {
    expect((await me(`Bearer ${alice.token}`)).status).toBe(200)
    expect((await me(undefined, `/v1/users/me?access_token=${alice.token}`)).status).toBe(401)
    expect((await me(`Basic ${alice.token}`)).status).toBe(401)
    expect((await me(alice.token)).status).toBe(401)
    expect((await me(`Bearer  ${alice.token}`)).status).toBe(401)
  })

  it('of one kind are none of another', async () => {
    const login = await send('/v1/sessions', {
      body: JSON.stringify({ username: bob.username, password: 'a long enough passphrase' }),
    })
    expect(login.status).toBe(201)
    const member = (name: string) => new RegExp(`"${name}":"([^"]+)"`).exec(login.text)?.[1] ?? ''
    const [access, refresh] = [member('access_token'), member('refresh_token')]
    expect((await me(`Bearer ${access}`)).status).toBe(200)
    expect((await me(`Bearer ${refresh}`)).status).toBe(401)
    const refreshWith = (token: string) =>
      send('/v1/sessions/refresh', { body: JSON.stringify({ refresh_token: token }) })
    expect(await refreshWith(access)).toMatchObject({ status: 401, code: 'refresh_token_invalid' })
    expect(await refreshWith(refresh)).toMatchObject({ status: 200 })
  })
})

it('forged X-Forwarded headers change nothing where no proxy is trusted', async () => {
  const headers = {
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
    forwarded: 'for=203.0.113.7',
  }
  const body = JSON.stringify({ username: bob.username, password: 'a long enough passphrase' })
  const login = await send('/v1/sessions', { headers, body })
  expect(login.status).toBe(201)
  expect(login.text).not.toContain('evil.example')
  const addresses = await world.query('select distinct address::text from session')
  expect(JSON.stringify(addresses)).not.toContain('203.0.113.7')
})

it('none of it was a defect, and the books are right', async () => {
  expect(await send('/v1/accounts', { who: admin })).toMatchObject({ status: 200 })
  expect(await world.audit()).toEqual([])
})
