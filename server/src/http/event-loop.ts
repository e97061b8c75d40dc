/**
 * Tells when the event loop cannot keep up, by a timer that fires later than it was due.
 *
 * One late turn is a pause: a start, a collection of garbage, a machine that was asleep. It is over
 * when it is seen, and to refuse what has waited through it would help nobody. Two in a row are
 * load, and the first that is in time again ends it.
 */

const intervalMilliseconds = 250
const lateTurnsMin = 2

export interface EventLoopWatch {
  isOverloaded: () => boolean
  stop: () => void
}

/** A turn is late beyond `delayMaxMilliseconds`; `now` is a clock that never steps. */
export function watchEventLoop({
  delayMaxMilliseconds,
  now = () => performance.now(),
}: {
  delayMaxMilliseconds: number
  now?: () => number
}): EventLoopWatch {
  let lateTurns = 0
  let dueAt = now() + intervalMilliseconds
  const timer = setInterval(() => {
    lateTurns = now() - dueAt > delayMaxMilliseconds ? lateTurns + 1 : 0
    dueAt = now() + intervalMilliseconds
  }, intervalMilliseconds)
  timer.unref()
  return { isOverloaded: () => lateTurns >= lateTurnsMin, stop: () => clearInterval(timer) }
}
