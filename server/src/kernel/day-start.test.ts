import * as fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { createDayStart } from './day-start.ts'

const hour = 3_600_000
const at = (text: string) => Date.parse(text)

describe('the start of a day', () => {
  test.each([
    ['UTC', '2026-01-15T09:30:00Z', '2026-01-15T00:00:00Z'],
    ['UTC', '2026-01-15T00:00:00Z', '2026-01-15T00:00:00Z'],
    ['UTC', '2026-01-14T23:59:59.999Z', '2026-01-14T00:00:00Z'],
    ['Europe/Berlin', '2026-01-15T22:59:59.999Z', '2026-01-14T23:00:00Z'],
    ['Europe/Berlin', '2026-01-15T23:00:00Z', '2026-01-15T23:00:00Z'],
    ['Asia/Kolkata', '2026-01-15T18:29:59.999Z', '2026-01-14T18:30:00Z'],
    ['Pacific/Kiritimati', '2026-01-15T10:00:00Z', '2026-01-15T10:00:00Z'],
    // Days of 23 and of 25 hours.
    ['Europe/Berlin', '2026-03-29T21:59:59.999Z', '2026-03-28T23:00:00Z'],
    ['Europe/Berlin', '2026-03-29T22:00:00Z', '2026-03-29T22:00:00Z'],
    ['Europe/Berlin', '2026-10-25T22:59:59.999Z', '2026-10-24T22:00:00Z'],
    // The hour after midnight comes twice, and the day begins with the first.
    ['America/Havana', '2025-11-02T05:30:00Z', '2025-11-02T04:00:00Z'],
    // There is no midnight: the day begins at one o'clock.
    ['Africa/Cairo', '2025-04-25T12:00:00Z', '2025-04-24T22:00:00Z'],
    // There was no 30 December at all.
    ['Pacific/Apia', '2011-12-30T10:00:00Z', '2011-12-30T10:00:00Z'],
    ['Pacific/Apia', '2011-12-30T09:59:59.999Z', '2011-12-29T10:00:00Z'],
  ])('in %s at %s is %s', (timeZone, moment, expected) => {
    const dayStart = createDayStart(timeZone)
    expect(new Date(dayStart(at(moment))).toISOString()).toBe(new Date(at(expected)).toISOString())
  })

  it('does not depend on what was asked before', () => {
    const used = createDayStart('Europe/Berlin')
    const moment = fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2030-01-01T00:00:00Z') })
    const property = fc.property(moment, (milliseconds) => {
      const start = used(milliseconds)
      expect(start).toBe(createDayStart('Europe/Berlin')(milliseconds))
      expect(used(start)).toBe(start)
      expect(used(start - 1)).toBeLessThan(start)
      expect(milliseconds - start).toBeLessThan(25 * hour)
    })
    fc.assert(property, { numRuns: 100 })
  })
})
