/**
 * Clients that never stop asking. Some lines of them stay with one server, so that a server that hangs
 * does not stop them all; the others take turns.
 *
 * A client whose request was not answered, or answered with "nothing was done", either asks another
 * server the same, as the contract has it, or leaves it open for the settlement after the fault. Bounds:
 * a line has one instruction on its way, and thinks a little between two.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { idsOf } from './answers.ts'
import { describeEntry, type Book, type Entry } from './book.ts'
import { lineCut, notConnected, type Answer, type Client, type Outcome } from './client.ts'
import type { FaultNeeds, Load } from './fault.ts'
import type { CustomerAccount } from './instruction.ts'
import type { InstructionSource } from './instructions.ts'
import type { Random } from './random.ts'
import type { ManagedServer } from './server-host.ts'
import { wrong, type Violation } from './violation.ts'
import type { Watch } from './watch.ts'

export interface RunningLoad extends Load {
  /** Asks for nothing more; resolves when all that was asked is answered or given up. */
  stop(): Promise<void>
  takeViolations(): Violation[]
}

export interface LoadOptions {
  book: Book
  source: InstructionSource
  client: Client
  watch: Watch
  servers: readonly ManagedServer[]
  /** Whom readers ask for what: accounts and tokens of their owners. */
  accounts: readonly CustomerAccount[]
  round: number
  needs: FaultNeeds
  random: Random
}

const lines = 24
const readers = 4
const usualTwicePercent = 10
/** Of what is not answered, so much is asked again at once. */
const retriedPercent = 50
const triesMax = 200
const thinkMilliseconds = 30
const backOffMilliseconds = 30
const stuckMilliseconds = 60_000

export function startLoad(options: LoadOptions): RunningLoad {
  const { book, source, client, watch, servers, needs, random } = options
  const twicePercent = needs.twicePercent ?? usualTwicePercent
  const retried = needs.noFailedRequest ? 100 : retriedPercent
  const waiting = new Set<{ count: number; resolve: () => void }>()
  const background = new Set<Promise<Answer>>()
  const violations: Violation[] = []
  const acknowledged = new Set<Entry>()
  const stopping = new AbortController()

  async function ask(entry: Entry, server: ManagedServer): Promise<Answer> {
    const answer = await book.ask(entry, server)
    if (needs.noFailedRequest) violations.push(...findFailure(entry, server, answer))
    if (answer.kind === 'posted') {
      watch.sawPosted(server.name, answer.text)
      if (!acknowledged.has(entry)) acknowledge(entry, answer)
    }
    return answer
  }

  function acknowledge(entry: Entry, { text }: Outcome): void {
    acknowledged.add(entry)
    source.learn(entry.instruction, idsOf(text))
    for (const each of waiting) {
      if (acknowledged.size < each.count) continue
      waiting.delete(each)
      each.resolve()
    }
  }

  /** Once, or to all servers at one time; the answer is the first that is an outcome. */
  async function deliver(entry: Entry, at: number, own: Random): Promise<Answer> {
    const targets = own.percent(twicePercent) ? servers : [serverAt(at)]
    const answers = targets.map((server) => ask(entry, server))
    for (const answer of answers) {
      background.add(answer)
      void answer.then(() => background.delete(answer))
    }
    return firstOutcome(answers)
  }

  function serverAt(index: number): ManagedServer {
    const server = servers[index % servers.length]
    if (!server) throw new Error('a bank needs servers')
    return server
  }

  async function runLine(line: number): Promise<void> {
    const own = random.fork(`line ${line}`)
    while (!stopping.signal.aborted) {
      const entry = book.add(source.next(own, needs.kinds), options.round, needs)
      // Two lines of three are customers of one server.
      let at = line % 3 === 2 ? own.integer(0, servers.length - 1) : line % 3
      for (let tries = 1; ; tries += 1) {
        const answer = await deliver(entry, at, own)
        if (entry.outcome || tries === triesMax) break
        await sleep(backOffMilliseconds)
        const again = answer.code === notConnected || own.percent(retried)
        if (!again || (stopping.signal.aborted && !needs.noFailedRequest)) break
        at += 1
      }
      await sleep(own.integer(0, thinkMilliseconds))
    }
  }

  async function runReader(line: number): Promise<void> {
    const own = random.fork(`reader ${line}`)
    while (!stopping.signal.aborted) {
      const { id, token } = own.pick(options.accounts)
      const { name, baseUrl } = own.pick(servers)
      const path = `/v1/accounts/${id}`
      const readsEntries = own.percent(30)
      const floor = watch.floorOf(id)
      const reading = await client.read(baseUrl, readsEntries ? `${path}/entries` : path, token)
      if (reading?.status === 200 && readsEntries) watch.sawEntries(name, floor, id, reading.body)
      else if (reading?.status === 200) watch.sawAccount(name, floor, reading.body)
      else if (reading && reading.status !== 503) {
        const body = JSON.stringify(reading.body)
        violations.push(wrong(`no bank may answer ${path} with ${reading.status}`, name, body))
      }
      await sleep(own.integer(0, thinkMilliseconds))
    }
  }

  const ended = Promise.all([
    ...Array.from({ length: lines }, (_, line) => runLine(line)),
    ...Array.from({ length: readers }, (_, line) => runReader(line)),
  ])

  return {
    async acknowledged(count) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      waiting.add({ count: acknowledged.size + count, resolve })
      const timer = setInterval(() => {
        reject(new Error(`not ${count} instructions were acknowledged in a minute`))
      }, stuckMilliseconds)
      await promise.finally(() => clearInterval(timer))
    },
    async stop() {
      stopping.abort()
      await ended
      await Promise.all(background)
    },
    takeViolations: () => violations.splice(0),
  }
}

/** The first answer that is an outcome, or the last of all. */
function firstOutcome(answers: readonly Promise<Answer>[]): Promise<Answer> {
  return new Promise((resolve) => {
    let left = answers.length
    for (const each of answers) {
      void each.then((answer) => {
        left -= 1
        if (left === 0 || answer.kind === 'posted' || answer.kind === 'refused') resolve(answer)
      })
    }
  })
}

/**
 * What may not happen to clients that ask another server when one is gone: anything but a connection that
 * nobody takes, `shutting_down`, and a connection that ends as a request sets out on it after the server
 * was asked to stop: an idle one, or one that was never accepted.
 */
function findFailure(entry: Entry, server: ManagedServer, answer: Answer): Violation[] {
  if (answer.kind === 'posted' || answer.kind === 'refused') return []
  const { stopAskedAt } = server
  const evidence = [...describeEntry(entry), `server ${server.name}`]
  if (answer.kind === 'nothing_done') {
    if (answer.code === notConnected || answer.code === 'shutting_down') return []
  } else if (answer.kind === 'unknown' && answer.code === lineCut) {
    const { sentAt, reused } = answer
    if (sentAt === undefined) return []
    if (stopAskedAt !== undefined && sentAt >= stopAskedAt) return []
    const before = stopAskedAt === undefined ? 'without' : `${stopAskedAt - sentAt} ms before`
    evidence.push(`sent ${before} its SIGTERM, on a ${reused ? 'used' : 'new'} connection`)
  }
  return [wrong(`a request failed: ${answer.code}`, ...evidence)]
}
