/**
 * What clients ask of the bank: money in and out at the counter and between customers, half of it at
 * a few hot accounts, and some of it more than anybody can pay.
 *
 * No two instructions of a bank have the same kind and amount, so each is known in the database by its
 * content alone, whether its key is beside it or not.
 */
import { randomUUID } from 'node:crypto'
import type { SeededAccount } from '../bench/seed.ts'
import type { Random } from './random.ts'

export type InstructionKind = 'transfer' | 'deposit' | 'withdrawal'

export interface Instruction {
  kind: InstructionKind
  idempotencyKey: string
  path: string
  token: string
  /** JSON. */
  body: string
  effect: Effect
  /** The refusals that the rules of money may answer it with. */
  refusals: readonly string[]
}

/** What it writes when it is posted, once. */
export interface Effect {
  kind: InstructionKind
  /** Accounts of customers, as the API names them; the bank's own are {@link ofBank}. */
  debit: string
  credit: string
  amount: number
}

export const ofBank = 'the bank'

export interface Customers {
  hot: readonly SeededAccount[]
  cold: readonly SeededAccount[]
  /** Who may stand at the counter. */
  tellerToken: string
}

export interface InstructionSource {
  next(random: Random): Instruction
  /** Money for an account to begin with. */
  opening(account: SeededAccount): Instruction
}

/** How many of a hundred; the rest are transfers. */
const percents = { deposit: 10, withdrawal: 10, unaffordable: 8, hot: 50 }
const openingAmount = 100_000_000
/** More than anybody ever has. */
const unaffordable = 90_000_000_000

export function createInstructionSource(customers: Customers): InstructionSource {
  const { hot, cold, tellerToken } = customers
  let count = 0

  return {
    opening(account) {
      count += 1
      return atCounter('deposit', tellerToken, account, openingAmount + count)
    },
    next(random) {
      count += 1
      const amount = random.percent(percents.unaffordable) ? unaffordable + count : count
      const some = random.pick(cold)
      const lot = random.integer(0, 99)
      if (lot < percents.deposit) return atCounter('deposit', tellerToken, some, count)
      if (lot < percents.deposit + percents.withdrawal) {
        return atCounter('withdrawal', tellerToken, some, amount)
      }
      const isHot = random.percent(percents.hot)
      const other = random.pick(isHot ? hot : cold.filter(({ id }) => id !== some.id))
      const [from, to] = random.percent(50) ? [some, other] : [other, some]
      return transfer(from, to, amount)
    },
  }
}

function atCounter(
  kind: 'deposit' | 'withdrawal',
  token: string,
  { id }: SeededAccount,
  amount: number,
): Instruction {
  const [debit, credit] = kind === 'deposit' ? [ofBank, id] : [id, ofBank]
  return {
    kind,
    idempotencyKey: randomUUID(),
    path: `/v1/${kind}s`,
    token,
    body: JSON.stringify({ account_id: id, amount, currency: 'EUR' }),
    effect: { kind, debit, credit, amount },
    refusals: kind === 'deposit' ? [] : ['insufficient_funds'],
  }
}

function transfer(from: SeededAccount, to: SeededAccount, amount: number): Instruction {
  return {
    kind: 'transfer',
    idempotencyKey: randomUUID(),
    path: '/v1/transfers',
    token: from.token,
    body: JSON.stringify({
      from_account_id: from.id,
      to_account_id: to.id,
      amount,
      currency: 'EUR',
    }),
    effect: { kind: 'transfer', debit: from.id, credit: to.id, amount },
    refusals: ['insufficient_funds'],
  }
}
