import { afterEach, expect, test } from 'vitest'
import { groupOf } from '../conformance/groups.ts'
import { createWorld, type Customer, type World } from '../conformance/world.ts'
import type { GroupOutcome } from '../engine.ts'
import { createPostgresHarness, type PostgresHarness } from './testing.ts'

const harnesses: PostgresHarness[] = []

/** Two engines on one database, with batches that are smaller than the largest groups. */
async function twoWorlds(): Promise<[World, World]> {
  const options = { batchesInFlight: 4, batchSizeMax: 16 }
  const first = await createPostgresHarness(options)
  const second = await createPostgresHarness(options, first)
  // Closed in this order: the first one's database goes with it.
  harnesses.push(second, first)
  return [createWorld(first), createWorld(second)]
}

afterEach(async () => {
  await harnesses[0]?.audit()
  for (const harness of harnesses.splice(0)) await harness.close()
})

const isPosted = ({ outcomes }: GroupOutcome) => outcomes.every(({ kind }) => kind === 'posted')

test('the same group sent 40 times to two engines is posted once and answered alike', async () => {
  const [one, other] = await twoWorlds()
  const [from, to] = [await one.customer(1000), await one.customer()]
  const group = groupOf(one, [
    [from, to, 1],
    [from, to, 2],
    [from, to, 3],
  ])
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) => (index % 2 ? one : other).ledger.postGroup(group)),
  )
  const posted = answers.map(({ outcomes }) =>
    outcomes.map((each) => each.kind === 'posted' && each.transfer),
  )
  for (const each of posted) expect(each).toEqual(posted[0])
  const fresh = answers.filter(({ outcomes }) => outcomes.every(({ replayed }) => !replayed))
  expect(fresh).toHaveLength(1)
  expect(await one.balanceOf(to)).toBe(6n)
})

test('groups for the same money through two engines are posted whole or not at all', async () => {
  const [one, other] = await twoWorlds()
  const [from, to, last] = [await one.customer(100), await one.customer(), await one.customer()]
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, index) => {
      const world = index % 2 ? one : other
      // The second half of each needs what only three can have.
      return world.ledger.postGroup(
        groupOf(world, [
          [from, to, 20],
          [from, last, 10],
        ]),
      )
    }),
  )
  expect(answers.filter(isPosted)).toHaveLength(3)
  expect([await one.balanceOf(from), await one.balanceOf(to)]).toEqual([10n, 60n])
  expect(await one.balanceOf(last)).toBe(30n)
})

test('groups, singles and dry runs between the same accounts keep the books right', async () => {
  const [one, other] = await twoWorlds()
  const customers: Customer[] = []
  for (let made = 0; made < 5; made += 1) customers.push(await one.customer(200))
  const at = (index: number) => customers[index % customers.length] ?? customers[0]
  const answers = await Promise.allSettled(
    Array.from({ length: 240 }, (_, index) => {
      const world = index % 2 ? one : other
      const [from, to] = [at(index), at(index * 3 + 1)]
      if (!from || !to) throw new Error('there are customers')
      const amount = (index % 7) * 9 + 1
      if (index % 3 > 0) {
        return world.ledger.post(world.transfer(from, to, amount), { dryRun: index % 3 === 1 })
      }
      const size = index % 5 === 0 ? 30 : 3
      const moves = Array.from({ length: size }, (): [Customer, Customer, number] => [from, to, 2])
      return world.ledger.postGroup(groupOf(world, moves), { dryRun: index % 4 === 0 })
    }),
  )
  expect(answers.filter(({ status }) => status === 'rejected')).toEqual([])
  const balances = await Promise.all(customers.map((customer) => one.balanceOf(customer)))
  expect(balances.reduce((sum, balance) => sum + balance, 0n)).toBe(1000n)
  const { rows } = await (harnesses[0]?.pool.query<{ partial: string }>(
    `select count(*) as partial from (
      select group_id from transfer_link where group_id is not null
      group by group_id having count(*) not in (3, 30)) as partial_groups`,
  ) ?? { rows: [] })
  expect(rows).toEqual([{ partial: '0' }])
})
