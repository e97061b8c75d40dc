/**
 * A line to PostgreSQL that understands what passes over it, so that faults can be let in at exact
 * points: `npm run faults` puts one between a server and its database.
 *
 * Lines are not encrypted: a client that asks for encryption is told that there is none. Bounds: it
 * listens on the loopback address only, and holds back no more than TCP does.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { isCommit, type Exchange } from './exchanges.ts'
import { createLine, type Action, type CutMoment, type Line } from './line.ts'

export type { CutMoment } from './line.ts'

/** Whose sessions: the ledger's batches, or all of a server's. */
export type Sessions = 'ledger' | 'all'

/** A rule that waits for its exchanges. */
export interface Plan {
  /** Resolves when it was carried out as often as it was to be. */
  done: Promise<void>
  /** It waits no longer; returns how often it was carried out. */
  cancel(): number
}

export interface Proxy {
  readonly port: number
  /** Cuts the line of the next COMMIT of a batch, once. */
  cutAtCommit(moment: CutMoment): Promise<void>
  /** Makes the next exchanges fail whose SQL has that text in it; prepared ones included. */
  failStatements(options: FailOptions): Plan
  /** Makes the next COMMITs of batches come back with the tag ROLLBACK, and the tx undone. */
  rollBackAtCommit(times?: number): Plan
  /** Nothing passes in that direction and nothing is closed, also for new connections. */
  blackhole(direction?: 'requests' | 'answers' | 'both'): void
  /** Holds back whatever passes, in each direction, by so many milliseconds. */
  delay(milliseconds: number): void
  /** Answers new connections with that SQLSTATE, such as 53300. */
  refuse(sqlState: string): void
  /** Ends all connections at once; new ones are let in. */
  cutAll(): void
  /** Ends blackholes, delays and refusals. Connections that a blackhole has robbed are cut. */
  heal(): void
  close(): Promise<void>
}

export interface FailOptions {
  sqlState: string
  /** In lower case. */
  text: string
  times?: number
  sessions?: Sessions
}

interface Rule {
  matches: (exchange: Exchange, applicationName: string) => boolean
  action: Action
  /** How often it may still begin, and end. */
  left: number
  unfinished: number
  resolve: () => void
}

const ledgerApplication = 'tallystick ledger'

/** `connect` opens a line to the PostgreSQL of that moment. Without a port, a free one is taken. */
export async function createProxy(connect: () => Socket, port = 0): Promise<Proxy> {
  const lines = new Set<Line>()
  const robbed = new Set<Line>()
  const rules = new Set<Rule>()
  let swallowed = { requests: false, answers: false }
  let delayMilliseconds = 0
  let refusal: string | undefined

  function actionAt(exchange: Exchange, applicationName: string): Action | undefined {
    for (const rule of rules) {
      if (rule.left === 0 || !rule.matches(exchange, applicationName)) continue
      rule.left -= 1
      return rule.action
    }
    return undefined
  }

  function onDone(action: Action): void {
    for (const rule of rules) {
      if (rule.action !== action) continue
      rule.unfinished -= 1
      if (rule.unfinished > 0) continue
      rules.delete(rule)
      rule.resolve()
    }
  }

  function plan(matches: Rule['matches'], action: Action, times: number): Plan {
    const { promise, resolve } = Promise.withResolvers<void>()
    // A copy, by which `onDone` knows whose it was.
    const rule: Rule = { matches, action: { ...action }, left: times, unfinished: times, resolve }
    rules.add(rule)
    return {
      done: promise,
      cancel() {
        rules.delete(rule)
        return times - rule.unfinished
      },
    }
  }

  const server = createServer({ noDelay: true }, (client) => {
    const line = createLine({
      client,
      connect,
      actionAt,
      onDone,
      refusal: () => refusal,
      requests: () => stateOf('requests'),
      answers: () => stateOf('answers'),
    })

    function stateOf(direction: 'requests' | 'answers') {
      if (swallowed[direction]) robbed.add(line)
      return { delayMilliseconds, swallows: swallowed[direction] }
    }

    lines.add(line)
    void line.closed.then(() => {
      lines.delete(line)
      robbed.delete(line)
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  function cutAll(): void {
    for (const line of lines) line.cut()
  }

  return {
    port: portOf(server.address()),
    cutAtCommit: (moment) => plan(isCommitOfBatch, { kind: 'cut', moment }, 1).done,
    failStatements: ({ sqlState, text, times = 1, sessions = 'ledger' }) =>
      plan(
        (exchange, applicationName) =>
          // The client of a statement that is being prepared would count on it from now on.
          !exchange.prepares &&
          exchange.text.toLowerCase().includes(text) &&
          (sessions === 'all' || applicationName === ledgerApplication),
        { kind: 'error', sqlState },
        times,
      ),
    rollBackAtCommit: (times = 1) => plan(isCommitOfBatch, { kind: 'roll_back' }, times),
    blackhole(direction = 'both') {
      swallowed = { requests: direction !== 'answers', answers: direction !== 'requests' }
    },
    delay(milliseconds) {
      delayMilliseconds = milliseconds
    },
    refuse(sqlState) {
      refusal = sqlState
    },
    cutAll,
    heal() {
      swallowed = { requests: false, answers: false }
      delayMilliseconds = 0
      refusal = undefined
      for (const line of robbed) line.cut()
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      cutAll()
      await closed
    },
  }
}

function isCommitOfBatch(exchange: Exchange, applicationName: string): boolean {
  return applicationName === ledgerApplication && isCommit(exchange)
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not a TCP server')
  return address.port
}
