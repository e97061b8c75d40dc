/** A key gives its first outcome again, for ever, to the same instruction and to no other. */
import { expect, it } from 'vitest'
import type { InstructionField } from '../core/refusals.ts'
import type { TransferInstruction } from '../engine.ts'
import type { World } from './world.ts'

const words = { description: 'Rent, May', reference: 'rent-05', metadata: { flat: '4b', zip: '1' } }

export function idempotencyCases(use: () => World): void {
  it('gives a posted transfer again, words and all, and moves nothing', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const instruction = world.transfer(from, to, 100, words)
    const first = await world.ledger.post(instruction)
    expect(first).toMatchObject({ kind: 'posted', replayed: false, transfer: words })
    const again = await world.ledger.post({ ...instruction, requestId: 'request-again' })
    expect(again).toEqual({ ...first, replayed: true })
    expect(await world.balanceOf(from)).toBe(400n)
  })

  it('takes metadata for the same in any order, and an empty one for none', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const instruction = world.transfer(from, to, 100, { metadata: { a: '1', b: '2' } })
    const first = await world.ledger.post(instruction)
    const turned = await world.ledger.post({ ...instruction, metadata: { b: '2', a: '1' } })
    expect(JSON.stringify(turned, bigintAsText)).toBe(
      JSON.stringify({ ...first, replayed: true }, bigintAsText),
    )
    const bare = world.transfer(from, to, 100)
    await world.mustPost(bare)
    const empty = await world.ledger.post({ ...bare, metadata: {} })
    expect(empty).toMatchObject({ replayed: true, transfer: { metadata: null } })
  })

  it('gives a refusal again after the money has arrived', async () => {
    const world = use()
    const [from, to] = [await world.customer(50), await world.customer()]
    const instruction = world.transfer(from, to, 100)
    const first = await world.ledger.post(instruction)
    expect(first).toMatchObject({ kind: 'refused', refusal: { code: 'insufficient_funds' } })
    await world.mustPost(world.deposit(from, 1000))
    const again = await world.ledger.post({ ...instruction, requestId: 'request-again' })
    expect(again).toEqual({ ...first, replayed: true })
    expect(await world.balanceOf(from)).toBe(1050n)
  })

  it('keeps the keys of each principal and each index apart', async () => {
    const world = use()
    const [one, other] = [await world.customer(500), await world.customer(500)]
    const { idempotencyKey } = world.transfer(one, other, 100)
    await world.mustPost(world.transfer(one, other, 100, { idempotencyKey }))
    await world.mustPost(world.transfer(other, one, 30, { idempotencyKey }))
    const second = { ...idempotencyKey, index: 1 }
    await world.mustPost(world.transfer(one, other, 1, { idempotencyKey: second }))
    expect(await world.balanceOf(one)).toBe(429n)
  })

  const changes: readonly [InstructionField, Partial<TransferInstruction>][] = [
    ['kind', { kind: 'withdrawal' }],
    ['kind', { authority: 'staff' }],
    ['from_account_id', { debit: { bankCode: 'cash' } }],
    ['to_account_id', { credit: { bankCode: 'settlement:one' } }],
    ['amount', { amount: 101 }],
    ['currency', { currency: 'USD' }],
    ['description', { description: 'Rent, June' }],
    ['description', { description: null }],
    ['reference', { reference: 'rent-06' }],
    ['metadata', { metadata: { flat: '4c', zip: '1' } }],
    ['metadata', { metadata: null }],
  ]
  it.each(changes)(
    'refuses the key to another %s (%j) and stores nothing',
    async (field, change) => {
      const world = use()
      const [from, to] = [await world.customer(500), await world.customer()]
      const instruction = world.transfer(from, to, 100, words)
      const first = await world.ledger.post(instruction)
      const other = { ...instruction, ...change, requestId: 'request-other' }
      const expected = {
        kind: 'refused',
        refusal: { code: 'idempotency_key_reused', fields: [field] },
        replayed: false,
        requestId: 'request-other',
      }
      expect(await world.ledger.post(other)).toEqual(expected)
      expect(await world.ledger.post(other)).toEqual(expected)
      expect(await world.ledger.post(instruction)).toEqual({ ...first, replayed: true })
    },
  )

  it('posts one of 50 equal instructions that come at once', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const instruction = world.transfer(from, to, 100, words)
    const outcomes = await world.postAll(Array.from({ length: 50 }, () => instruction))
    expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1)
    const ids = outcomes.map((outcome) => outcome.kind === 'posted' && outcome.transfer.id)
    expect(new Set(ids).size).toBe(1)
    expect(await world.balanceOf(from)).toBe(400n)
  })

  it('decides once among different instructions that come at once with one key', async () => {
    const world = use()
    const [from, to] = [await world.customer(5000), await world.customer()]
    const idempotencyKey = world.newKey()
    const outcomes = await world.postAll(
      Array.from({ length: 20 }, (_, index) =>
        world.transfer(from, to, index + 1, { idempotencyKey }),
      ),
    )
    expect(outcomes[0]).toMatchObject({ kind: 'posted', replayed: false })
    for (const outcome of outcomes.slice(1)) {
      expect(outcome).toMatchObject({
        kind: 'refused',
        refusal: { code: 'idempotency_key_reused', fields: ['amount'] },
      })
    }
    expect(await world.balanceOf(from)).toBe(4999n)
  })
}

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
