/**
 * The members of each answer, on the real API: every route, every role, own and another's things. Who
 * is answered at all is the access table's; here it is what those see who are.
 */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { accessTable, tableRoles, type Answers, type Row } from './access-table.ts'
import {
  listed,
  membersTable,
  openedSession,
  transferReadBy,
  type Members,
  type MembersRow,
} from './members-table.ts'
import { requests, type TableRequest } from './requests.ts'
import { createAccessWorld, personPassword, type AccessWorld, type Person } from './world.ts'

let world: AccessWorld
/** Somebody to pay, who also is an admin, so that no other one is the last. */
let other: Person

beforeAll(async () => {
  world = await createAccessWorld()
  other = await world.person('admin')
})

afterAll(async () => {
  await world.close()
})

/** Maps that hold what their owner chose: their members are no part of the contract. */
const maps = new Set(['metadata', 'facts'])

/** The names of all members, those of objects within behind a dot, those of lists behind `[].` */
function membersOf(value: unknown): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item) => membersOf(item).map((name) => `[].${name}`))
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => {
    const within = maps.has(name) ? [] : membersOf(inner)
    return within.length === 0
      ? [name]
      : within.map((each) => (each.startsWith('[]') ? `${name}${each}` : `${name}.${each}`))
  })
}

async function membersSeen(route: string, request: TableRequest, token?: string) {
  const [method = ''] = route.split(' ')
  const response = await fetch(world.url + request.path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(request.idempotencyKey && { 'idempotency-key': crypto.randomUUID() }),
      ...(request.body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
  })
  expect({ route, isOk: response.ok }).toEqual({ route, isOk: true })
  const text = await response.text()
  if (text === '') return 'none'
  const isPage = !response.headers.get('content-type')?.includes('json')
  if (isPage || request.path === '/openapi.json') return 'text'
  return [...new Set(membersOf(JSON.parse(text)))].toSorted().join(' ')
}

function makerOf(route: string) {
  const make = requests[route]
  if (make === undefined) throw new Error(`there is no request for ${route}: add one`)
  return make
}

/** What the roles see that are answered: one text where all see the same. */
async function seenByRoles(
  route: string,
  answers: Answers,
  subjectOf: (me: Person) => Promise<Person>,
): Promise<Members | undefined> {
  const seen = await Promise.all(
    tableRoles.map(async (role, index): Promise<[string, string] | undefined> => {
      if (answers[index] !== 'ok') return undefined
      const me = await world.person(role)
      const request = await makerOf(route)(await subjectOf(me), other)
      return [role, await membersSeen(route, request, me.token)]
    }),
  )
  const answered = seen.filter((each) => each !== undefined)
  const [members, ...others] = new Set(answered.map(([, text]) => text))
  return others.length === 0 ? members : Object.fromEntries(answered)
}

/** Of a row only what somebody is answered in. */
async function rowSeen(route: string, row: Row): Promise<MembersRow> {
  const whole: Record<string, Members | undefined> = {}
  if ('stranger' in row) {
    if (row.stranger !== 'ok') return {}
    const request = await makerOf(route)(world.absent(), other)
    whole['stranger'] = await membersSeen(route, request)
  } else if ('any' in row) {
    whole['any'] = await seenByRoles(route, row.any, async (me) => me)
  } else {
    whole['own'] = await seenByRoles(route, row.own, async (me) => me)
    whole['another'] = await seenByRoles(route, row.another, () => world.person())
  }
  return Object.fromEntries(Object.entries(whole).filter(([, members]) => members !== undefined))
}

const inOrder = (text: string) => text.split(' ').toSorted().join(' ')

/** The table is written for people: what is compared has its members in one order. */
function sorted(row: MembersRow): MembersRow {
  return Object.fromEntries(
    Object.entries(row).map(([relation, members]) => [
      relation,
      typeof members === 'string'
        ? inOrder(members)
        : Object.fromEntries(Object.entries(members).map(([role, text]) => [role, inOrder(text)])),
    ]),
  )
}

describe('an answer has the members that the table says, and no other', () => {
  test.each(Object.entries(accessTable))('%s', async (route, row) => {
    expect(await rowSeen(route, row)).toEqual(sorted(membersTable[route] ?? {}))
  })

  it('the table has no row of a route that there is not', () => {
    const unknown = Object.keys(membersTable).filter((route) => !(route in accessTable))
    expect(unknown).toEqual([])
  })
})

async function post(path: string, person: Person, body: unknown): Promise<string> {
  const response = await fetch(world.url + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${person.token}`,
      'idempotency-key': crypto.randomUUID(),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  expect({ path, status: response.status }).toEqual({ path, status: 201 })
  const text = await response.text()
  return /"id":"(\w+)"/.exec(text)?.[1] ?? text
}

const get = (path: string, { token }: Person) => membersSeen(`GET ${path}`, { path }, token)

/** What is only seen after something was arranged that the access table does not ask for. */
describe('so have the answers', () => {
  test('to a login', async () => {
    const { username } = await world.person()
    const request = { path: '/v1/sessions', body: { username, password: personPassword } }
    expect(await membersSeen('POST /v1/sessions', request)).toBe(inOrder(openedSession))
  })

  test('about a transfer: to its payer, its receiver, and staff', async () => {
    const [payer, receiver, teller] = [
      await world.person(),
      await world.person(),
      await world.person('teller'),
    ]
    const id = await post('/v1/transfers', payer, {
      from_account_id: payer.account,
      to_account_id: receiver.account,
      amount: 1,
      currency: 'EUR',
      metadata: { order: '17' },
    })
    const seen = (person: Person) => get(`/v1/transfers/${id}`, person)
    expect(await seen(payer)).toBe(inOrder(transferReadBy.payer))
    expect(await seen(receiver)).toBe(inOrder(transferReadBy.receiver))
    expect(await seen(teller)).toBe(inOrder(transferReadBy.staff))
  })

  test('that list holds and reversals', async () => {
    const [me, teller] = [await world.person(), await world.person('teller')]
    await me.hold()
    const received = await me.receive()
    await post(`/v1/transfers/${received}/reversals`, me, undefined)
    const holds = `/v1/holds?account_id=${me.account}`
    expect(await get(holds, me)).toBe(inOrder(listed.hold))
    expect(await get(holds, teller)).toBe(inOrder(listed.hold))
    // Who gives the money back pays.
    const reversals = `/v1/transfers/${received}/reversals`
    expect(await get(reversals, me)).toBe(inOrder(listed.reversal.payer))
    expect(await get(reversals, teller)).toBe(inOrder(listed.reversal.staff))
  })
})
