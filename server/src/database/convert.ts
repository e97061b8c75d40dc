/**
 * From the text in which `pg` gives `bigint` and `numeric` to numbers, explicitly and checked. The
 * driver's own parsers are left alone: a `bigint` silently rounded to a double would lose money.
 */
import { assert } from '../kernel/assert.ts'

/** A whole number that is exact as a JavaScript number; anything else is a defect. */
export function toSafeInteger(text: string): number {
  const value = Number(text)
  assert(
    /^-?\d+$/.test(text) && Number.isSafeInteger(value),
    `not a safe integer: ${text.slice(0, 40)}`,
  )
  return value
}

/** A whole number of any size. */
export function toBigInt(text: string): bigint {
  assert(/^-?\d+$/.test(text), `not a whole number: ${text.slice(0, 40)}`)
  return BigInt(text)
}
