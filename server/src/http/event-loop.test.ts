import { expect, onTestFinished, test, vi } from 'vitest'
import { watchEventLoop } from './event-loop.ts'

/** `turn` is one firing of the timer, later by that much than it was due. */
function setUp() {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  let time = 0
  const watch = watchEventLoop({ delayMaxMilliseconds: 1000, now: () => time })
  function turn(lateMilliseconds: number): boolean {
    time += 250 + lateMilliseconds
    vi.advanceTimersByTime(250)
    return watch.isOverloaded()
  }
  return { turn }
}

test('one pause, however long, is no load', () => {
  const { turn } = setUp()
  expect([turn(0), turn(60_000), turn(0), turn(1001), turn(1000)]).not.toContain(true)
})

test('two late turns in a row are load, until one is in time', () => {
  const { turn } = setUp()
  expect([turn(1001), turn(1001), turn(5000), turn(1000), turn(1001)]).toEqual([
    false,
    true,
    true,
    false,
    false,
  ])
})
