/** The whole access table on the real API: every route, every role, every relation to the thing. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { problemCatalog } from '../../server/src/http/problem-catalog.ts'
import { createBanklessServer } from '../../tools/api-document.ts'
import {
  accessTable,
  tableRoles,
  type Answer,
  type Answers,
  type Relation,
  type Row,
} from './access-table.ts'
import { requests, type TableRequest } from './requests.ts'
import { createAccessWorld, type AccessWorld, type Person } from './world.ts'

const server = await createBanklessServer()
await server.close(0)
const routes = server.routes.filter(({ method }) => method !== 'HEAD' && method !== 'OPTIONS')
const rows = Object.entries(accessTable)

/** What is said of somebody else's thing, and of none at all. */
const maskedCodes = [
  'account_not_found',
  'transfer_not_found',
  'hold_not_found',
  'session_not_found',
  'api_key_not_found',
] as const

/** Answered with 200 also where it has refused each transfer in it. */
const outcomesInside = 'POST /v1/transfers/bulk'

/** What no bank has made. */
const nonsense = 'nonsense'

let world: AccessWorld
/** Somebody to pay, who also is an admin, so that no other one is the last. */
let other: Person
/** Every problem document of a cell by its route, to compare their bytes. */
const bodies = new Map<string, Set<string>>()
let cellCount = 0
let refusalCount = 0
/** How often somebody else's thing was said not to be there. */
let hiddenCount = 0
/** Refusals of those who showed nothing or nonsense. */
let strangerCount = 0

beforeAll(async () => {
  world = await createAccessWorld()
  other = await world.person('admin')
})

afterAll(async () => {
  await world.close()
})

async function send(route: string, request: TableRequest, token?: string): Promise<Answer> {
  const [method = ''] = route.split(' ')
  const headers: Record<string, string> = {}
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  if (request.idempotencyKey) headers['idempotency-key'] = crypto.randomUUID()
  if (request.body !== undefined) headers['content-type'] = 'application/json'
  const response = await fetch(world.url + request.path, {
    method,
    headers,
    ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
  })
  const text = await response.text()
  if (response.ok) return 'ok'
  const { code }: { code: keyof typeof problemCatalog } = JSON.parse(text)
  expect({ route, status: response.status }).toEqual({ route, status: problemCatalog[code].status })
  if (response.status === 403) refusalCount += 1
  const isStranger = token === undefined || token === nonsense
  if (isStranger && response.status === 401 && code !== 'credentials_invalid') strangerCount += 1
  const seen = bodies.get(`${route} ${code}`) ?? new Set()
  bodies.set(`${route} ${code}`, seen.add(text.replace(/"request_id":"[^"]*"/, '')))
  return code
}

function makerOf(route: string) {
  const make = requests[route]
  if (make === undefined) throw new Error(`there is no request for ${route}: add one`)
  return make
}

/** What each role is answered, by a fresh person each: some requests change who asks. */
async function answersTo(route: string, relation: Relation): Promise<Answer[]> {
  return await Promise.all(
    tableRoles.map(async (role) => {
      const me = await world.person(role)
      const subjects = {
        own: () => me,
        another: () => world.person(),
        absent: () => world.absent(),
      }
      const subject = await subjects[relation]()
      cellCount += 1
      const answer = await send(route, await makerOf(route)(subject, other), me.token)
      const isHidden = maskedCodes.some((code) => code === answer)
      const isNoted = isHidden || route === outcomesInside
      if (relation === 'another' && isNoted) hiddenCount += 1
      return answer
    }),
  )
}

async function answersOf(route: string, row: Row): Promise<Row> {
  if ('stranger' in row) {
    cellCount += 1
    return { stranger: await send(route, await makerOf(route)(world.absent(), other)) }
  }
  if ('any' in row) return { any: asAnswers(await answersTo(route, 'own')) }
  return {
    own: asAnswers(await answersTo(route, 'own')),
    another: asAnswers(await answersTo(route, 'another')),
    absent: asAnswers(await answersTo(route, 'absent')),
  }
}

function asAnswers([customer, teller, auditor, admin]: Answer[]): Answers {
  if (!customer || !teller || !auditor || !admin) throw new Error('each role has an answer')
  return [customer, teller, auditor, admin]
}

describe('the table', () => {
  it('has a row and a request for every route, and for nothing else', () => {
    const names = routes.map(({ method, url }) => `${method} ${url}`).toSorted()
    expect(Object.keys(accessTable).toSorted()).toEqual(names)
    expect(Object.keys(requests).toSorted()).toEqual(names)
  })

  it('lets strangers in where the router does, and only there', () => {
    const open = routes.filter(({ access }) => access === 'public')
    const strangers = rows.filter(([, row]) => 'stranger' in row).map(([route]) => route)
    expect(strangers.toSorted()).toEqual(open.map((r) => `${r.method} ${r.url}`).toSorted())
  })
})

describe('the API answers as the table says', () => {
  test.each(rows)('%s', async (route, row) => {
    expect(await answersOf(route, row)).toEqual(row)
  })

  test('a stranger gets token_missing wherever the route is not public', async () => {
    const closed = rows.filter(([, row]) => !('stranger' in row)).map(([route]) => route)
    const answers = await Promise.all(
      closed.map(async (route) => [route, await send(route, await makerOf(route)(other, other))]),
    )
    expect(answers).toEqual(closed.map((route) => [route, 'token_missing']))
  })
})

describe('when all has been asked', () => {
  it('a flood of strangers is refused, each of them', async () => {
    const me = await makerOf('GET /v1/users/me')(other, other)
    const flood = Array.from({ length: 300 }, () => send('GET /v1/users/me', me, nonsense))
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['token_invalid']))
  })

  it("an answer does not tell another's thing from none at all", () => {
    const masked = [...bodies].filter(([name]) => maskedCodes.some((code) => name.endsWith(code)))
    expect(masked.length).toBeGreaterThan(5)
    for (const [name, texts] of masked)
      expect({ name, count: texts.size }).toEqual({ name, count: 1 })
  })

  it('every refusal is in the audit trail, the books are right, and the table was large', async () => {
    await world.stop()
    const text = `select count(*) filter (where subject_id is null)::integer as refused,
        count(*) filter (where subject_id is not null)::integer as hidden
      from audit_event where kind = 'access.refused' and actor_id is not null`
    expect(await world.query(text)).toEqual([{ refused: refusalCount, hidden: hiddenCount }])
    expect(refusalCount).toBeGreaterThan(50)
    expect(hiddenCount).toBeGreaterThanOrEqual(10)
    const strangers = await world.query<{ rows: number; refused: number }>(
      `select count(*)::integer as rows, sum(event_count)::integer as refused
        from audit_event where kind = 'access.refused' and actor_id is null`,
    )
    expect(strangers).toMatchObject([{ refused: strangerCount }])
    expect(strangers[0]?.rows).toBeLessThan(strangerCount - 100)
    expect(await world.audit()).toEqual([])
    expect(cellCount).toBeGreaterThan(250)
  })
})
