/** Looking up what an instruction names, where the database is slow, gone or asked for much. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type Database } from '../../database/database.ts'
import { createWorld, type Customer, type World } from '../conformance/world.ts'
import { createFindNamedAccounts } from './named-accounts.ts'
import { createPostgresHarness, type PostgresHarness } from './testing.ts'

let harness: PostgresHarness
let world: World
let database: Database
let from: Customer
let to: Customer

beforeAll(async () => {
  harness = await createPostgresHarness()
  world = createWorld(harness)
  ;[from, to] = [await world.customer(1000), await world.customer()]
  const { url } = harness.database
  database = createDatabase({ url, poolSize: 4, applicationName: 'test', namedStatements: true })
})
afterAll(async () => {
  await database.close()
  await harness.audit()
  await harness.close()
})

const soon = () => performance.now() + 10_000

test('thousands at once are looked up by a few statements, each with its own accounts', async () => {
  const hold = await world.mustHold(world.hold(from, to, 10))
  const deposit = await world.mustPost(world.deposit(to, 10))
  let statements = 0
  const kysely = database.kysely.withPlugin({
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      statements += 1
      return result
    },
  })
  const find = createFindNamedAccounts({ kysely })
  const absent = world.newId()
  const found = await Promise.all(
    Array.from({ length: 1000 }, async () => [
      await find(world.capture(from, hold), soon()),
      await find(world.reversal(to, deposit), soon()),
      await find(world.release(from, { id: absent }), soon()),
    ]),
  )
  const ofHold = { debitAccountId: from.accountId, creditAccountId: to.accountId }
  const ofDeposit = { debitAccountId: to.accountId, creditAccountId: deposit.debitAccountId }
  const each = [
    { ...ofHold, customerIds: [from.accountId, to.accountId] },
    { ...ofDeposit, customerIds: [to.accountId] },
    undefined,
  ]
  expect(found.every((answers) => JSON.stringify(answers) === JSON.stringify(each))).toBe(true)
  expect(statements).toBeLessThan(20)
})

test('there is no answer after the deadline, and nothing is done', async () => {
  const hold = await world.mustHold(world.hold(from, to, 10))
  const locker = await harness.pool.connect()
  try {
    // What a migration does that takes its time.
    await locker.query('begin; lock table hold in access exclusive mode')
    const options = { deadline: performance.now() + 100 }
    const late = world.ledger.post(world.capture(from, hold), options)
    await expect(late).rejects.toMatchObject({ name: 'Fault', code: 'overloaded' })
  } finally {
    await locker.query('rollback')
    locker.release()
  }
  await world.mustPost(world.capture(from, hold))
})

test('without a database nothing is done', async () => {
  const url = 'postgresql://nobody@127.0.0.1:1/nothing'
  const gone = createDatabase({ url, poolSize: 1, applicationName: 'test', namedStatements: true })
  const find = createFindNamedAccounts(gone)
  const refused = find(world.capture(from, { id: world.newId() }), soon())
  await expect(refused).rejects.toMatchObject({ name: 'Fault', code: 'unavailable' })
  await gone.close()
})

test('an id that is none harms no other instruction of that moment', async () => {
  const hold = await world.mustHold(world.hold(from, to, 10))
  const answers = await Promise.allSettled([
    world.ledger.post(world.capture(from, { id: 'no id' })),
    world.ledger.post(world.capture(from, hold)),
  ])
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
})
