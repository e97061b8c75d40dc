/** A group is posted whole or not at all, and its keys stand for the whole of it. */
import { expect, it } from 'vitest'
import type { Minor } from '../../kernel/money.ts'
import type { TransferInstruction } from '../engine.ts'
import type { Customer, World } from './world.ts'

/** Transfers of one owner under one key. */
export function groupOf(
  world: World,
  moves: readonly [Customer, Customer, Minor, Partial<TransferInstruction>?][],
): TransferInstruction[] {
  const { key } = world.newKey()
  return moves.map(([from, to, amount, changes], index) =>
    world.transfer(from, to, amount, { ...changes, idempotencyKey: { key, index } }),
  )
}

const reused = (...fields: string[]) => ({
  kind: 'refused',
  replayed: false,
  refusal: { code: 'idempotency_key_reused', fields },
})

const failed = (index: number) => ({
  kind: 'refused',
  replayed: false,
  refusal: { code: 'group_failed', index },
})

export function groupCases(use: () => World): void {
  it('posts all, each on what those before it left, in one group', async () => {
    const world = use()
    const owner = await world.customer(100)
    const second = await world.open(owner.ownerId)
    const payee = await world.customer()
    const group = groupOf(world, [
      [owner, second, 100],
      [second, payee, 60, { description: 'from what has just come' }],
    ])
    const { outcomes } = await world.ledger.postGroup(group)
    expect(outcomes).toMatchObject([
      { kind: 'posted', replayed: false, transfer: { amount: 100, creditBalanceAfter: 100n } },
      { kind: 'posted', replayed: false, transfer: { amount: 60, debitBalanceAfter: 40n } },
    ])
    const ids = outcomes.map((outcome) => outcome.kind === 'posted' && outcome.transfer.groupId)
    expect(ids[0]).toEqual(expect.any(String))
    expect(ids[1]).toBe(ids[0])
    const posted = outcomes.flatMap((each) => (each.kind === 'posted' ? [each.transfer] : []))
    const kept = await world.harness.transfers()
    for (const transfer of posted) expect(kept).toContainEqual(transfer)
  })

  it('posts none when one is refused, says which, and gives that again for ever', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    const group = groupOf(world, [
      [from, to, 30],
      [from, to, 71],
      [from, to, 30],
    ])
    const first = await world.ledger.postGroup(group)
    const available = 70
    expect(first.outcomes).toMatchObject([
      failed(1),
      { kind: 'refused', refusal: { code: 'insufficient_funds', available, requested: 71 } },
      failed(1),
    ])
    expect([await world.balanceOf(from), await world.balanceOf(to)]).toEqual([100n, 0n])
    await world.mustPost(world.deposit(from, 1000))
    const again = await world.ledger.postGroup(group)
    expect(again.outcomes).toEqual(first.outcomes.map((each) => ({ ...each, replayed: true })))
    expect(await world.balanceOf(to)).toBe(0n)
  })

  it('gives a posted group again, words and all, and moves nothing', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    const words = { description: 'Rent', reference: 'r-1', metadata: { b: '2', a: '1' } }
    const group = groupOf(world, [
      [from, to, 30, words],
      [from, to, 20],
    ])
    const first = await world.ledger.postGroup(group)
    const later = group.map((each) => ({ ...each, requestId: 'request-again' }))
    const again = await world.ledger.postGroup(later)
    expect(again.outcomes).toEqual(first.outcomes.map((each) => ({ ...each, replayed: true })))
    expect(await world.balanceOf(to)).toBe(50n)
  })

  it('refuses its key to another group, a larger or a smaller one, and a single transfer', async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    const group = groupOf(world, [
      [from, to, 30],
      [from, to, 20],
    ])
    await world.ledger.postGroup(group)
    const [first, second] = group
    if (!first || !second) throw new Error('the group has two')
    const third = { ...second, idempotencyKey: { ...second.idempotencyKey, index: 2 } }
    const larger = await world.ledger.postGroup([first, second, third])
    expect(larger.outcomes).toMatchObject([reused('transfers'), failed(0), failed(0)])
    const smaller = await world.ledger.postGroup([first])
    expect(smaller.outcomes).toMatchObject([reused('transfers')])
    const other = await world.ledger.postGroup([first, { ...second, amount: 21 }])
    expect(other.outcomes).toMatchObject([failed(1), reused('amount')])
    expect(await world.ledger.post(first)).toMatchObject(reused('kind', 'transfers'))
    expect(await world.balanceOf(to)).toBe(50n)
    // Nothing of that was kept: the group has its outcome as before, and index 2 is unused.
    const again = await world.ledger.postGroup(group)
    expect(again.outcomes.map(({ kind, replayed }) => [kind, replayed])).toEqual([
      ['posted', true],
      ['posted', true],
    ])
    expect(await world.ledger.post(third)).toMatchObject({ kind: 'posted', replayed: false })
  })

  it('is refused whole under the key of a single transfer, and keeps nothing', async () => {
    const world = use()
    const [from, to] = [await world.customer(100), await world.customer()]
    const group = groupOf(world, [
      [from, to, 30],
      [from, to, 20],
    ])
    const [first, second] = group
    if (!first || !second) throw new Error('the group has two')
    await world.mustPost(first)
    const { outcomes } = await world.ledger.postGroup(group)
    expect(outcomes).toMatchObject([
      { refusal: { code: 'idempotency_key_reused', fields: ['kind', 'transfers'] } },
      { refusal: { code: 'group_failed', index: 0 } },
    ])
    expect(await world.balanceOf(to)).toBe(30n)
    expect(await world.ledger.post(second)).toMatchObject({ kind: 'posted', replayed: false })
  })

  it('of 100 is posted beside others that come at the same time', async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    const others = Array.from({ length: 50 }, () => world.ledger.post(world.transfer(from, to, 1)))
    const moves = Array.from({ length: 100 }, (): [Customer, Customer, Minor] => [from, to, 2])
    const groups = [groupOf(world, moves), groupOf(world, moves)]
    const answers = await Promise.all(groups.map((group) => world.ledger.postGroup(group)))
    const kinds = answers.flatMap(({ outcomes }) => outcomes.map(({ kind }) => kind))
    expect(kinds).toEqual(Array.from({ length: 200 }, () => 'posted'))
    await Promise.all(others)
    expect(await world.balanceOf(to)).toBe(450n)
  })

  it('with one that cannot be posted is a defect whole, and harms no other', async () => {
    const world = use()
    for (const { name, change } of world.harness.defects) {
      const [from, to] = [await world.customer(100), await world.customer()]
      if (change.principalId !== undefined) continue
      const bad = groupOf(world, [
        [from, to, 1],
        [from, to, 1, change],
      ])
      const good = groupOf(world, [
        [from, to, 10],
        [from, to, 10],
      ])
      const [spoiled, whole] = await Promise.allSettled([
        world.ledger.postGroup(bad),
        world.ledger.postGroup(good),
      ])
      const balance = await world.balanceOf(to)
      expect({ name, answers: [spoiled.status, whole.status], balance }).toEqual({
        name,
        answers: ['rejected', 'fulfilled'],
        balance: 20n,
      })
    }
  })

  it('is no group when it is empty, too large, of two principals, or without its indexes', async () => {
    const world = use()
    const [from, to] = [await world.customer(1000), await world.customer()]
    const moves = Array.from({ length: 101 }, (): [Customer, Customer, Minor] => [from, to, 1])
    const group = groupOf(world, moves)
    const [first, second] = group
    if (!first || !second) throw new Error('the group has two')
    const wrong = [[], group, [first, { ...second, principalId: to.ownerId }], [first, first]]
    for (const instructions of wrong) {
      await expect(world.ledger.postGroup(instructions)).rejects.toMatchObject({ name: 'Defect' })
    }
    expect(await world.balanceOf(to)).toBe(0n)
  })
}
