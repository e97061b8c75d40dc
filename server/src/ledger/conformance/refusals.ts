/**
 * Every refusal once with its facts, and every pair of refusals that can apply at once: the earlier
 * one in `refusalOrder` is the answer. A code without a case fails the suite.
 */
import { describe, expect, it } from 'vitest'
import { MINOR_MAX } from '../../kernel/money.ts'
import { refusalOrder, type Refusal, type RefusalCode } from '../core/refusals.ts'
import type { HoldOutcome, TransferInstruction, TransferOutcome } from '../engine.ts'
import { conformanceAmountMax, type Customer, type World } from './world.ts'

/** An instruction that nothing refuses, and what may be made wrong about it. */
interface Draft {
  from: Customer
  to: Customer
  instruction: TransferInstruction
}

interface Case {
  /** Makes the refusal apply, and leaves those that apply already. */
  spoil(draft: Draft, world: World, all: ReadonlySet<RefusalCode>): Promise<void>
  expected(draft: Draft, world: World): Refusal
}

/** Those that only captures, releases and reversals meet; they have a suite of their own. */
export const namedRefusals = [
  'hold_not_found',
  'transfer_not_found',
  'hold_not_active',
  'not_reversible',
  'capture_exceeds_hold',
  'reversal_exceeds_original',
] as const satisfies readonly RefusalCode[]

/** `group_failed` is what a group alone meets: groups.ts. */
type TransferCode = Exclude<RefusalCode, (typeof namedRefusals)[number] | 'group_failed'>

function isOfTransfers(code: RefusalCode): code is TransferCode {
  return code !== 'group_failed' && !namedRefusals.some((each) => each === code)
}

const transferRefusals = refusalOrder.filter(isOfTransfers)

const cases: Record<TransferCode, Case> = {
  idempotency_key_reused: {
    async spoil(draft, world) {
      const { idempotencyKey, principalId, authority } = draft.instruction
      const nobody = { accountId: world.newId() }
      const before = { ...draft.instruction, debit: nobody, credit: nobody, amount: 7 }
      await world.ledger.post({ ...before, idempotencyKey, principalId, authority })
    },
    expected: () => ({
      code: 'idempotency_key_reused',
      fields: ['from_account_id', 'to_account_id', 'amount'],
    }),
  },
  account_not_found: {
    async spoil(draft, world) {
      draft.instruction.debit = { accountId: world.newId() }
    },
    expected: () => ({ code: 'account_not_found', side: 'debit' }),
  },
  own_account: {
    async spoil(draft) {
      draft.instruction.authority = 'staff'
    },
    expected: () => ({ code: 'own_account', side: 'debit' }),
  },
  same_account: {
    async spoil(draft) {
      draft.instruction.credit = draft.instruction.debit
    },
    expected: () => ({ code: 'same_account' }),
  },
  currency_mismatch: {
    async spoil(draft) {
      draft.instruction.currency = 'USD'
    },
    expected: () => ({
      code: 'currency_mismatch',
      side: 'debit',
      accountCurrency: 'EUR',
      currency: 'USD',
    }),
  },
  account_frozen: {
    async spoil({ from }, world) {
      await world.harness.arrange(from.accountId, { status: 'frozen' })
    },
    expected: () => ({ code: 'account_frozen' }),
  },
  account_closed: {
    async spoil({ from, to }, world, all) {
      await world.harness.arrange(to.accountId, { status: 'closed' })
      if (!all.has('account_frozen')) {
        await world.harness.arrange(from.accountId, { status: 'closed' })
      }
    },
    expected: () => ({ code: 'account_closed', side: 'debit' }),
  },
  limit_exceeded: {
    async spoil(draft) {
      draft.instruction.amount = MINOR_MAX
    },
    expected: () => ({
      code: 'limit_exceeded',
      limit: conformanceAmountMax,
      requested: MINOR_MAX,
      currency: 'EUR',
    }),
  },
  daily_limit_exceeded: {
    async spoil({ from }, world) {
      await world.setLimits(from, { dailyLimit: 99 })
    },
    expected: () => ({
      code: 'daily_limit_exceeded',
      limit: 99,
      available: 99,
      requested: 100,
      currency: 'EUR',
    }),
  },
  insufficient_funds: {
    async spoil({ from, instruction }, world) {
      await world.mustPost(world.withdrawal(from, 950))
      instruction.amount = Math.max(instruction.amount, 51)
    },
    expected: () => ({
      code: 'insufficient_funds',
      available: 50,
      requested: 100,
      currency: 'EUR',
    }),
  },
  balance_out_of_range: {
    async spoil({ to }, world) {
      await world.mustPost(world.deposit(to, MINOR_MAX - 1))
      await world.mustPost(world.deposit(to, 1))
    },
    expected: () => ({ code: 'balance_out_of_range', side: 'credit' }),
  },
}

/** Money must be moved before accounts are closed or frozen, so causes are made in this order. */
const spoilOrder: readonly TransferCode[] = [
  'insufficient_funds',
  'balance_out_of_range',
  'limit_exceeded',
  'daily_limit_exceeded',
  'account_frozen',
  'account_closed',
  'currency_mismatch',
  'own_account',
  'account_not_found',
  'same_account',
  'idempotency_key_reused',
]

/** The receiver's balance is out of the picture when the payer is the receiver. */
const impossible: readonly (readonly TransferCode[])[] = [['same_account', 'balance_out_of_range']]

type Send = (
  world: World,
  instruction: TransferInstruction,
) => Promise<TransferOutcome | HoldOutcome>

const asTransfer: Send = ({ ledger }, instruction) => ledger.post(instruction)

/** The same parties and amount, reserved. */
const asHold: Send = ({ ledger }, instruction) => {
  const { debit, credit, amount, currency, principalId, idempotencyKey, requestId } = instruction
  const asked = { principalId, idempotencyKey, requestId, authority: 'owner' } as const
  const parties = { debit, credit, amount, currency }
  return ledger.hold({ kind: 'hold', ...asked, ...parties, expiresInSeconds: 60 })
}

/** What of it a hold can meet: only owners place one, and the receiver's balance waits. */
const holdRefusals = transferRefusals.filter(
  (code) => !['idempotency_key_reused', 'own_account', 'balance_out_of_range'].includes(code),
)

async function refuse(world: World, codes: readonly TransferCode[], send: Send) {
  const all = new Set(codes)
  const from = await world.customer(1000)
  const to = await world.customer()
  const draft = { from, to, instruction: world.transfer(from, to, 100) }
  for (const code of spoilOrder) if (all.has(code)) await cases[code].spoil(draft, world, all)
  const outcome = await send(world, draft.instruction)
  // In life only empty accounts are closed, and the auditor looks for others.
  for (const { accountId } of [from, to]) await world.harness.arrange(accountId, { status: 'open' })
  return { draft, outcome }
}

export function refusalCases(use: () => World): void {
  it('has a case for every refusal and in every place of the order', () => {
    expect(Object.keys(cases).toSorted()).toEqual(transferRefusals.toSorted())
    expect(spoilOrder.toSorted()).toEqual(transferRefusals.toSorted())
  })

  const sends = [
    { name: 'a transfer', send: asTransfer, codes: transferRefusals },
    { name: 'a hold', send: asHold, codes: holdRefusals },
  ]
  describe.each(sends)('of $name', ({ send, codes }) => {
    it.each(codes)('refuses with %s and its facts, and changes nothing', async (code) => {
      const world = use()
      const { draft, outcome } = await refuse(world, [code], send)
      expect(outcome).toEqual({
        kind: 'refused',
        refusal: cases[code].expected(draft, world),
        replayed: false,
        requestId: draft.instruction.requestId,
      })
      const ledgerBalance = code === 'insufficient_funds' ? 50n : 1000n
      const state = await world.ledger.account(draft.from.accountId)
      expect(state).toMatchObject({ ledgerBalance, held: 0 })
    })

    it.each(pairsOf(codes))('answers %s where %s applies too', async (first, second) => {
      const { outcome } = await refuse(use(), [first, second], send)
      expect(outcome).toMatchObject({ kind: 'refused', refusal: { code: first } })
    })
  })
}

function pairsOf(codes: readonly TransferCode[]): (readonly [TransferCode, TransferCode])[] {
  return codes.flatMap((first, index) =>
    codes
      .slice(index + 1)
      .filter((second) => !impossible.some(([a, b]) => a === first && b === second))
      .map((second) => [first, second] as const),
  )
}
