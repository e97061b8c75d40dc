/**
 * Every refusal of a capture and of a reversal once, and every pair that can apply at once: the
 * earlier one in `refusalOrder` is the answer, and nothing changes.
 */
import { expect, it } from 'vitest'
import { assert } from '../../kernel/assert.ts'
import { MINOR_MAX } from '../../kernel/money.ts'
import { refusalOrder, type RefusalCode } from '../core/refusals.ts'
import type { CaptureInstruction, ReversalInstruction } from '../engine.ts'
import { namedRefusals } from './refusals.ts'
import type { Customer, World } from './world.ts'

/** An instruction that nothing refuses, and whose money it moves. */
interface Draft<I> {
  payer: Customer
  receiver: Customer
  instruction: I
}

/** Makes each refusal apply and leaves those that apply already; in the order in which to do it. */
type Spoils<I> = readonly [RefusalCode, (draft: Draft<I>, world: World) => Promise<void>][]

async function fill(world: World, customer: Customer): Promise<void> {
  const room = MINOR_MAX - Number(await world.balanceOf(customer))
  await world.mustPost(world.deposit(customer, room - 1))
  await world.mustPost(world.deposit(customer, 1))
}

const status =
  (side: 'payer' | 'receiver', to: 'frozen' | 'closed') =>
  async (draft: Draft<unknown>, world: World): Promise<void> =>
    world.harness.arrange(draft[side].accountId, { status: to })

const captureSpoils: Spoils<CaptureInstruction> = [
  ['balance_out_of_range', async ({ receiver }, world) => fill(world, receiver)],
  ['account_frozen', status('payer', 'frozen')],
  ['account_closed', status('receiver', 'closed')],
  [
    'hold_not_active',
    async ({ payer, instruction }, world) => {
      await world.mustHold(world.release(payer, { id: instruction.holdId }))
    },
  ],
  [
    'capture_exceeds_hold',
    async ({ instruction }) => {
      instruction.amount = 301
    },
  ],
  [
    'hold_not_found',
    async ({ receiver, instruction }) => {
      instruction.principalId = receiver.ownerId
    },
  ],
]

const reversalSpoils: Spoils<ReversalInstruction> = [
  [
    'not_reversible',
    async (draft, world) => {
      const { payer, receiver, instruction } = draft
      const id = instruction.transferId
      const reversal = await world.mustPost(world.reversal(receiver, { id }))
      Object.assign(draft, { payer: receiver, receiver: payer })
      Object.assign(instruction, { transferId: reversal.id, principalId: payer.ownerId })
    },
  ],
  [
    'insufficient_funds',
    async ({ receiver }, world) => {
      const balance = Number(await world.balanceOf(receiver))
      await world.mustPost(world.withdrawal(receiver, balance - 1))
    },
  ],
  ['balance_out_of_range', async ({ payer }, world) => fill(world, payer)],
  ['account_frozen', status('receiver', 'frozen')],
  ['account_closed', status('payer', 'closed')],
  [
    'reversal_exceeds_original',
    async ({ instruction }) => {
      instruction.amount = 301
    },
  ],
  [
    'own_account',
    async ({ instruction }) => {
      instruction.authority = 'staff'
    },
  ],
  [
    'transfer_not_found',
    async ({ instruction }, world) => {
      instruction.transferId = world.newId()
    },
  ],
]

async function draftCapture(world: World): Promise<Draft<CaptureInstruction>> {
  const [payer, receiver] = [await world.customer(1000), await world.customer()]
  const hold = await world.mustHold(world.hold(payer, receiver, 300))
  return { payer, receiver, instruction: world.capture(payer, hold) }
}

async function draftReversal(world: World): Promise<Draft<ReversalInstruction>> {
  const [payer, receiver] = [await world.customer(1000), await world.customer()]
  const original = await world.mustPost(world.transfer(payer, receiver, 300))
  return { payer, receiver, instruction: world.reversal(receiver, original) }
}

/** Spoils a draft, posts it, and returns the code with which it was refused. */
async function refuse<I extends CaptureInstruction | ReversalInstruction>(
  world: World,
  draft: Draft<I>,
  spoils: Spoils<I>,
  codes: readonly RefusalCode[],
): Promise<RefusalCode> {
  for (const [code, spoil] of spoils) if (codes.includes(code)) await spoil(draft, world)
  const states = async () => [
    await world.ledger.account(draft.payer.accountId),
    await world.ledger.account(draft.receiver.accountId),
  ]
  const before = await states()
  const outcome = await world.ledger.post(draft.instruction)
  assert(outcome.kind === 'refused', 'the draft was spoilt')
  expect(await states()).toEqual(before)
  // In life only empty accounts are closed, and the auditor looks for others.
  for (const { accountId } of [draft.payer, draft.receiver]) {
    await world.harness.arrange(accountId, { status: 'open' })
  }
  return outcome.refusal.code
}

function codesAndPairs<I>(spoils: Spoils<I>): RefusalCode[][] {
  const codes = refusalOrder.filter((code) => spoils.some(([each]) => each === code))
  const pairs = codes.flatMap((first, index) =>
    codes.slice(index + 1).map((second): RefusalCode[] => [first, second]),
  )
  return [...codes.map((code) => [code]), ...pairs]
}

export function namedRefusalCases(use: () => World): void {
  it('has a case for each refusal that a transfer cannot meet', () => {
    const codes = [...captureSpoils, ...reversalSpoils].map(([code]) => code)
    expect(codes).toEqual(expect.arrayContaining([...namedRefusals]))
  })

  it.each(codesAndPairs(captureSpoils))('refuses a capture with %s before %s', async (...codes) => {
    const world = use()
    expect(await refuse(world, await draftCapture(world), captureSpoils, codes)).toBe(codes[0])
  })

  it.each(codesAndPairs(reversalSpoils))(
    'refuses a reversal with %s before %s',
    async (...codes) => {
      const world = use()
      expect(await refuse(world, await draftReversal(world), reversalSpoils, codes)).toBe(codes[0])
    },
  )
}
