/**
 * Days of a time zone as moments: when the day began that a moment is in. Days have 23 to 25 hours, and
 * some begin at one o'clock, so nothing here counts hours.
 */
import { assert } from './assert.ts'

/** The start of the day that a moment is in, both in milliseconds since the Unix epoch. */
export type DayStart = (milliseconds: number) => number

/** Longer than any day. */
const dayMillisecondsMax = 36 * 60 * 60 * 1000

/**
 * `timeZone` is an IANA name. The day that was asked for last is remembered, so that asking for it
 * again costs two comparisons; the first question of a day costs some 60 look-ups of a date.
 */
export function createDayStart(timeZone: string): DayStart {
  const format = new Intl.DateTimeFormat('en', { timeZone, dateStyle: 'short' })
  let [start, end] = [0, 0]
  return (milliseconds) => {
    if (milliseconds < start || milliseconds >= end) {
      const date = format.format(milliseconds)
      const isThatDay = (moment: number) => format.format(moment) === date
      start = firstMoment(milliseconds - dayMillisecondsMax, milliseconds, isThatDay)
      end = firstMoment(milliseconds, milliseconds + dayMillisecondsMax, (m) => !isThatDay(m))
    }
    return start
  }
}

/** The first moment up to `last` at which it holds: not yet at `before`, from then on always. */
function firstMoment(before: number, last: number, holds: (moment: number) => boolean): number {
  assert(!holds(before) && holds(last), 'a day is over within a day and a half')
  let [low, high] = [before, last]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (holds(middle)) high = middle
    else low = middle
  }
  return high
}
