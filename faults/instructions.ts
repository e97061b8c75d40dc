/**
 * What clients ask of the bank: money in and out at the counter, transfers between customers, half of
 * them at a few hot accounts, groups of them, holds with their captures and releases, reversals; and
 * some of it more than there is.
 *
 * No two instructions of a bank have the same effect, so each is known in the database by its content
 * alone, whether its key is beside it or not.
 */
import type { CustomerAccount, Instruction, InstructionKind } from './instruction.ts'
import { createPool } from './pool.ts'
import type { Random } from './random.ts'
import { atCounter, capture, group, hold, release, reversal, transfer } from './requests.ts'

export interface Customers {
  hot: readonly CustomerAccount[]
  cold: readonly CustomerAccount[]
  /** Who may stand at the counter. */
  tellerToken: string
}

export interface InstructionSource {
  /** Of one of these kinds, or of any. */
  next(random: Random, kinds?: readonly InstructionKind[]): Instruction
  /** Money for an account to begin with. */
  opening(account: CustomerAccount): Instruction
  /** What was acknowledged, by the ids in the answer: later instructions may be about it. */
  learn(instruction: Instruction, ids: readonly string[]): void
}

/** How often each kind comes, where there is something to do it with. */
const weights: readonly (readonly [InstructionKind, number])[] = [
  ['transfer', 50],
  ['deposit', 8],
  ['withdrawal', 8],
  ['hold', 16],
  ['capture', 8],
  ['release', 5],
  ['reversal', 7],
  ['group', 4],
]

/** What every release knows. */
export const oldestKinds: readonly InstructionKind[] = ['transfer', 'deposit', 'withdrawal']

const lots = weights.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind))

const percents = { unaffordable: 8, hot: 50, shortHold: 30 }
const openingAmount = 100_000_000
/** More than anybody ever has. */
const unaffordable = 90_000_000_000
const groupSize = { first: 2, last: 12 }
const shortHoldSeconds = { first: 1, last: 8 }

export function createInstructionSource(customers: Customers): InstructionSource {
  const { hot, cold, tellerToken } = customers
  const accounts = new Map([...hot, ...cold].map((account) => [account.id, account]))
  const holds = createPool()
  const originals = createPool()
  let count = 0

  function pair(random: Random): [CustomerAccount, CustomerAccount] {
    const some = random.pick(cold)
    const isHot = random.percent(percents.hot)
    const other = random.pick(isHot ? hot : cold.filter(({ id }) => id !== some.id))
    return random.percent(50) ? [some, other] : [other, some]
  }

  function anAmount(random: Random): number {
    return random.percent(percents.unaffordable) ? unaffordable + count : count
  }

  /** `undefined` where there is nothing yet to do it with. */
  const makers: Record<InstructionKind, (random: Random) => Instruction | undefined> = {
    transfer: (random) => transfer(...pair(random), anAmount(random)),
    deposit: (random) => atCounter('deposit', tellerToken, random.pick(cold), count),
    withdrawal: (random) =>
      atCounter('withdrawal', tellerToken, random.pick(cold), anAmount(random)),
    hold(random) {
      const [from, to] = pair(random)
      const { first, last } = shortHoldSeconds
      const isShort = random.percent(percents.shortHold)
      const seconds = isShort ? random.integer(first, last) : undefined
      return hold({ from, to, amount: anAmount(random) }, seconds)
    },
    capture(random) {
      const taken = holds.take(random)
      return taken && capture(taken.item, taken.amount)
    },
    release(random) {
      const item = holds.takeOnce(random)
      return item && release(item)
    },
    reversal(random) {
      const taken = originals.take(random)
      return taken && reversal(taken.item, taken.amount)
    },
    group(random) {
      const [{ token }] = pair(random)
      const own = [...accounts.values()].filter((account) => account.token === token)
      const size = random.integer(groupSize.first, groupSize.last)
      return group(
        Array.from({ length: size }, () => {
          count += 1
          const from = random.pick(own)
          const others = [...accounts.values()].filter(({ id }) => id !== from.id)
          return { from, to: random.pick(others), amount: anAmount(random) }
        }),
      )
    },
  }

  return {
    opening(account) {
      count += 1
      return atCounter('deposit', tellerToken, account, openingAmount + count)
    },
    next(random, kinds) {
      for (;;) {
        count += 1
        const made = makers[random.pick(kinds ?? lots)](random)
        if (made) return made
      }
    },
    learn({ effects }, ids) {
      for (const [index, { kind, debit, credit, amount }] of effects.entries()) {
        const [id, from, to] = [ids[index], accounts.get(debit), accounts.get(credit)]
        if (id === undefined || !from || !to) continue
        if (kind === 'hold') holds.add({ id, from, to, amount })
        if (kind === 'transfer') originals.add({ id, from, to, amount })
      }
    },
  }
}
