/** Limits of accounts: for one transfer, and for a day. */
import { expect, it } from 'vitest'
import { MINOR_MAX } from '../../kernel/money.ts'
import type { Customer, World } from './world.ts'

/** What is left of a daily limit, as the refusal of one more says. */
async function leftOf(world: World, from: Customer, available: number): Promise<unknown> {
  const to = await world.customer()
  const outcome = await world.ledger.post(world.transfer(from, to, available + 1))
  return outcome.kind === 'refused' ? outcome.refusal : outcome
}

/** The refusal of one more than what is left. */
function over(limit: number, available: number) {
  const facts = { limit, available, requested: available + 1, currency: 'EUR' }
  return { code: 'daily_limit_exceeded', ...facts }
}

export function limitCases(use: () => World): void {
  it('holds transfers and holds to the limit of the account, and nothing else', async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    await world.setLimits(from, { transferLimit: 50 })
    const refusal = { code: 'limit_exceeded', limit: 50, requested: 51, currency: 'EUR' }
    expect(await world.ledger.post(world.transfer(from, to, 51))).toMatchObject({ refusal })
    expect(await world.ledger.hold(world.hold(from, to, 51))).toMatchObject({ refusal })
    await world.mustPost(world.transfer(from, to, 50))
    await world.mustPost(world.deposit(from, 51))
    await world.mustPost(world.withdrawal(from, 51))
    const received = await world.mustPost(world.transfer(await world.customer(60), from, 60))
    await world.mustPost(world.reversal(from, received))
  })

  it("does not let the limit of an account lift the bank's own", async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    await world.setLimits(from, { transferLimit: MINOR_MAX })
    const outcome = await world.ledger.post(world.transfer(from, to, MINOR_MAX))
    expect(outcome).toMatchObject({ refusal: { code: 'limit_exceeded', limit: MINOR_MAX - 1 } })
  })

  it('counts transfers and holds of a day, and says what is left', async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    await world.setLimits(from, { dailyLimit: 100 })
    await world.mustPost(world.transfer(from, to, 40))
    await world.mustHold(world.hold(from, to, 35))
    expect(await leftOf(world, from, 25)).toEqual(over(100, 25))
    const facts = { limit: 100, available: 25, requested: 26, currency: 'EUR' }
    const held = await world.ledger.hold(world.hold(from, to, 26))
    expect(held).toMatchObject({ refusal: { code: 'daily_limit_exceeded', ...facts } })
    // Neither what comes in nor what the bank takes.
    await world.mustPost(world.deposit(from, 500))
    await world.mustPost(world.withdrawal(from, 500))
    await world.mustPost(world.transfer(from, to, 25))
    expect(await leftOf(world, from, 0)).toEqual(over(100, 0))
  })

  it('counts an instruction once, however often it is sent', async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    await world.setLimits(from, { dailyLimit: 100 })
    const paid = world.transfer(from, to, 60)
    const tooMuch = world.transfer(from, to, 41)
    for (let times = 0; times < 3; times += 1) await world.ledger.post(paid)
    const refusal = { code: 'daily_limit_exceeded', available: 40 }
    expect(await world.ledger.post(tooMuch)).toMatchObject({ refusal, replayed: false })
    await world.setLimits(from, { dailyLimit: 1000 })
    expect(await world.ledger.post(tooMuch)).toMatchObject({ refusal, replayed: true })
    expect(await leftOf(world, from, 940)).toEqual(over(1000, 940))
  })

  it('gives back on the same day what holds give back, and counts no capture', async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    await world.setLimits(from, { dailyLimit: 100 })
    const [whole, part, released, overdue] = [
      await world.mustHold(world.hold(from, to, 10)),
      await world.mustHold(world.hold(from, to, 20)),
      await world.mustHold(world.hold(from, to, 30)),
      await world.mustHold(world.hold(from, to, 40)),
    ]
    expect(await leftOf(world, from, 0)).toEqual(over(100, 0))
    await world.mustPost(world.capture(from, whole))
    expect(await leftOf(world, from, 0)).toEqual(over(100, 0))
    await world.mustPost(world.capture(from, part, { amount: 5 }))
    expect(await leftOf(world, from, 15)).toEqual(over(100, 15))
    await world.mustHold(world.release(from, released))
    expect(await leftOf(world, from, 45)).toEqual(over(100, 45))
    await world.harness.makeOverdue(overdue.id)
    await world.mustPost(world.transfer(from, to, 85))
    expect(await leftOf(world, from, 0)).toEqual(over(100, 0))
  })

  it('counts what left already when a limit is set in the middle of a day', async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    const first = await world.mustPost(world.transfer(from, to, 100))
    await world.mustHold(world.hold(from, to, 50))
    const part = await world.mustHold(world.hold(from, to, 30))
    await world.mustPost(world.capture(from, part, { amount: 20 }))
    const released = await world.mustHold(world.hold(from, to, 10))
    await world.mustHold(world.release(from, released))
    await world.mustPost(world.withdrawal(from, 5))
    await world.mustPost(world.transfer(to, from, 5))
    await world.mustPost(world.reversal(to, first))
    await world.setLimits(from, { dailyLimit: 200 })
    expect(await leftOf(world, from, 30)).toEqual(over(200, 30))
    // Less than what left: nothing more does.
    await world.setLimits(from, { dailyLimit: 170 })
    expect(await leftOf(world, from, 0)).toEqual(over(170, 0))
    await world.setLimits(from, { dailyLimit: 7 })
    expect(await leftOf(world, from, 0)).toEqual(over(7, 0))
    await world.setLimits(from, {})
    await world.mustPost(world.transfer(from, to, 300))
    await world.setLimits(from, { dailyLimit: 1000 })
    expect(await leftOf(world, from, 530)).toEqual(over(1000, 530))
  })

  it('holds nothing of the limit where something else refuses', async () => {
    const world = use()
    const [from, to] = [await world.customer(50), await world.customer()]
    await world.setLimits(from, { dailyLimit: 100 })
    const outcome = await world.ledger.post(world.transfer(from, to, 51))
    expect(outcome).toMatchObject({ refusal: { code: 'insufficient_funds' } })
    await world.mustPost(world.deposit(from, 50))
    await world.mustPost(world.transfer(from, to, 100))
  })

  it('lets a group pass whole or not at all, and counts it so', async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    await world.setLimits(from, { dailyLimit: 100 })
    const groupOf = (amounts: readonly number[]) => {
      const { key } = world.newKey()
      return amounts.map((amount, index) =>
        world.transfer(from, to, amount, { idempotencyKey: { key, index } }),
      )
    }
    const refused = await world.ledger.postGroup(groupOf([40, 40, 40]))
    expect(refused.outcomes).toMatchObject([
      { refusal: { code: 'group_failed', index: 2 } },
      { refusal: { code: 'group_failed', index: 2 } },
      { refusal: { code: 'daily_limit_exceeded', available: 20 } },
    ])
    const { outcomes } = await world.ledger.postGroup(groupOf([60, 40]))
    expect(outcomes.map(({ kind }) => kind)).toEqual(['posted', 'posted'])
    expect(await leftOf(world, from, 0)).toEqual(over(100, 0))
  })

  it('tells a dry run what would be left, and counts none of it', async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    await world.setLimits(from, { transferLimit: 70, dailyLimit: 100 })
    for (let times = 0; times < 2; times += 1) {
      const tried = await world.ledger.post(world.transfer(from, to, 60), { dryRun: true })
      expect(tried).toMatchObject({ preview: { limits: { transfer: 70, dailyRemaining: 40 } } })
    }
    const { accountId } = to
    const unlimited = await world.ledger.post(world.deposit(to, 1), { dryRun: true })
    expect(unlimited).toMatchObject({
      preview: { credit: { id: accountId }, limits: { dailyRemaining: null } },
    })
  })

  it('lets exactly so many through when all come at once', async () => {
    const world = use()
    const [from, to] = [await world.customer(10_000), await world.customer()]
    await world.setLimits(from, { dailyLimit: 1000 })
    const outcomes = await world.postAll(
      Array.from({ length: 60 }, () => world.transfer(from, to, 30)),
    )
    expect(outcomes.filter(({ kind }) => kind === 'posted')).toHaveLength(33)
    expect(await leftOf(world, from, 10)).toEqual(over(1000, 10))
    expect(await world.balanceOf(to)).toBe(990n)
  })
}
