/**
 * Money is whole numbers of minor units: the smallest unit of a currency (ISO 4217 exponent; 1050
 * is 10.50 EUR, 1050 KRW, 1.050 KWD). There is no other representation anywhere: no floats, no
 * decimals, no strings but for sums that outgrow a JSON integer.
 */

import { assert } from './assert.ts'

/** An amount in minor units: a safe integer, so that it is exact in every JSON parser there is. */
export type Minor = number

/** The largest amount and the largest balance of a customer, in either direction: 2^53 - 1. */
export const MINOR_MAX: Minor = Number.MAX_SAFE_INTEGER

/** True for an amount that may be moved: a whole number from 1 to {@link MINOR_MAX}. */
export function isAmount(value: unknown): value is Minor {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1
}

/** True when a balance of a customer may be stored: within +-{@link MINOR_MAX}. */
export function isCustomerBalance(value: bigint): boolean {
  return value >= -BigInt(MINOR_MAX) && value <= BigInt(MINOR_MAX)
}

/** A customer's balance as a JSON integer; one out of range was never stored, so it is a defect. */
export function toMinor(value: bigint): Minor {
  assert(isCustomerBalance(value), 'a customer balance is within +-(2^53 - 1)')
  return Number(value)
}
