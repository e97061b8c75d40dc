/**
 * What may be asked about what is there: holds to capture or release, transfers to reverse.
 *
 * The same one is taken up several times, and not only when it is still as it was, so that two
 * instructions race for one hold and reversals exceed their original. Bounds: the oldest go first.
 */
import type { CustomerAccount } from './instruction.ts'
import type { Random } from './random.ts'

export interface Original {
  id: string
  from: CustomerAccount
  to: CustomerAccount
  amount: number
}

export type Hold = Original

export interface Pool {
  add(item: Original): void
  /** One of them and an amount that was not asked of it before; `undefined` while there is none. */
  take(random: Random): { item: Original; amount: number } | undefined
  /** One that was not taken this way before. */
  takeOnce(random: Random): Original | undefined
}

interface Kept {
  item: Original
  taken: number
  takenOnce: boolean
}

const keptMax = 100
/** Of less there are not enough different parts. */
const amountMin = 100
const takenMax = amountMin / 4
const percents = { whole: 40, tooMuch: 10, again: 30 }

export function createPool(): Pool {
  const kept: Kept[] = []

  function drop(one: Kept): void {
    kept.splice(kept.indexOf(one), 1)
  }

  return {
    add(item) {
      if (item.amount < amountMin) return
      kept.push({ item, taken: 0, takenOnce: false })
      if (kept.length > keptMax) kept.shift()
    },
    take(random) {
      if (kept.length === 0) return undefined
      const one = random.pick(kept)
      const { item, taken } = one
      one.taken += 1
      if (one.taken === takenMax || !random.percent(percents.again)) drop(one)
      if (random.percent(percents.tooMuch)) return { item, amount: item.amount + 1 + taken }
      const isWhole = random.percent(percents.whole)
      return { item, amount: isWhole ? item.amount - taken : 1 + taken }
    },
    takeOnce(random) {
      const rest = kept.filter(({ takenOnce }) => !takenOnce)
      if (rest.length === 0) return undefined
      const one = random.pick(rest)
      one.takenOnce = true
      if (!random.percent(percents.again)) drop(one)
      return one.item
    },
  }
}
