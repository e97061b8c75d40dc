/**
 * One direction of a line: passes bytes on in their order, each after the delay of its moment, and
 * swallows them while it is told to. Bounds: the source is paused while the other side does not read.
 */
import type { Socket } from 'node:net'

export interface LineState {
  delayMilliseconds: number
  swallows: boolean
}

export interface SlowLine {
  write(bytes: Buffer): void
  /** After all that was written; a line that swallows does not tell that one end has gone. */
  end(): void
}

export function createSlowLine(source: Socket, sink: Socket, state: () => LineState): SlowLine {
  const waiting: { work: () => void; dueAt: number }[] = []
  let timer: NodeJS.Timeout | undefined

  sink.on('drain', () => source.resume())

  function pass(bytes: Buffer): void {
    if (!sink.writable) return
    if (!sink.write(bytes)) source.pause()
  }

  function schedule(work: () => void): void {
    const { delayMilliseconds } = state()
    if (waiting.length === 0 && delayMilliseconds === 0) return work()
    const earliest = waiting.at(-1)?.dueAt ?? 0
    waiting.push({ work, dueAt: Math.max(earliest, performance.now() + delayMilliseconds) })
    timer ??= setTimeout(run, delayMilliseconds)
  }

  function run(): void {
    timer = undefined
    for (let next = waiting[0]; next; next = waiting[0]) {
      const wait = next.dueAt - performance.now()
      // Timers count whole milliseconds.
      if (wait > 0.5) {
        timer = setTimeout(run, wait)
        return
      }
      waiting.shift()
      next.work()
    }
  }

  return {
    write(bytes) {
      if (!state().swallows) schedule(() => pass(bytes))
    },
    end() {
      if (!state().swallows) schedule(() => sink.end())
    },
  }
}
