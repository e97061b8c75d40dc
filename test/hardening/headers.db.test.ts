/** Input that is wrong in headers: idempotency keys, tokens, and what a proxy would have said. */
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { AccessWorld, Person } from '../access/world.ts'
import { useInputWorld } from './input-world.ts'

const { people, send, good, refused, refusal } = useInputWorld()
let world: AccessWorld
let alice: Person
let bob: Person

beforeAll(() => {
  ;({ world, alice, bob } = people())
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
