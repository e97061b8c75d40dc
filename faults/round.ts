/**
 * One round: load, a fault in the middle of it, load again, and then the bank is held to its word.
 *
 *     load until so many are acknowledged | inject | all servers ready | some more | stop
 *     the database against the book       before anything is asked again
 *     settle                              whatever is open is asked again with its key until it has an outcome
 *     the database against the book       now with no question left
 *     replays, balances, the auditor, the servers, what readers saw
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { auditLedger } from '../server/src/ledger/ledger.ts'
import type { Bank } from './bank.ts'
import { describeEntry, type Entry } from './book.ts'
import type { Fault, World } from './fault.ts'
import { startLoad, type RunningLoad } from './load.ts'
import type { Random } from './random.ts'
import type { RoundResult } from './scoreboard.ts'
import { balancesOf, judge, readFacts } from './truth.ts'
import { wrong, type Violation } from './violation.ts'

export interface RoundOptions {
  bank: Bank
  fault: Fault
  number: number
  random: Random
  /** As in the world. */
  root: string
  previous?: string
  note: (text: string) => void
  /** What the database says before anything is asked again may be all that is wanted. */
  stopAtFirst?: boolean
  signal?: AbortSignal
}

const readyLimitMilliseconds = 60_000
const injectLimitMilliseconds = 180_000
const settleLines = 16
const settleTriesMax = 400
const settlePauseMilliseconds = 50
const replaysMax = 60

export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { bank, fault, number, random } = options
  const { book, watch, servers } = bank
  const violations: Violation[] = []
  const checkedBefore = watch.checked
  let checks = 0

  const load = startLoad({
    ...bank,
    needs: fault.needs ?? {},
    random: random.fork('load'),
    round: number,
  })
  try {
    await Promise.race([injectUnderLoad(options, load), aborted(options.signal)])
  } catch (error) {
    violations.push(wrong(`the round came to no end: ${messageOf(error)}`, ...outputsOf(bank)))
  }
  await load.stop()

  if (violations.length === 0) {
    try {
      checks += await holdToItsWord(options, violations)
    } catch (error) {
      const text = `it could not be held to its word: ${messageOf(error)}`
      violations.push(wrong(text, ...outputsOf(bank)))
    }
  }
  violations.push(
    ...load.takeViolations(),
    ...book.takeViolations(),
    ...watch.takeViolations(),
    ...servers.flatMap((server) => server.takeViolations()),
  )
  return {
    fault: fault.name,
    entries: book.entries.filter(({ round }) => round === number),
    violations: unique(violations),
    checks: checks + watch.checked - checkedBefore,
  }
}

/** Adds what is wrong, and returns how much was looked at. */
async function holdToItsWord(
  { bank, random, stopAtFirst }: RoundOptions,
  found: Violation[],
): Promise<number> {
  const { book, postgres } = bank
  const compare = async () => {
    found.push(...judge(book.entries, await readFacts(postgres.superuserUrl)))
    return book.entries.length
  }
  let checks = await compare()
  if (stopAtFirst && found.length > 0) return checks
  found.push(...(await settle(bank, random.fork('settle'))))
  checks += await compare()
  checks += await replay(bank, random.fork('replays'))
  const balances = await compareBalances(bank)
  const audit = await auditLedger({ url: postgres.superuserUrl })
  found.push(
    ...balances.violations,
    ...audit.findings.map((finding) =>
      wrong(`the auditor: ${finding.guarantee}`, JSON.stringify(finding)),
    ),
  )
  return checks + balances.checks + audit.checkCount
}

async function injectUnderLoad(options: RoundOptions, load: RunningLoad): Promise<void> {
  const { bank, fault, random } = options
  const { root, previous, note } = options
  const world: World = { ...bank, load, root, previous, note }
  await load.acknowledged(random.integer(50, 300))
  const injected = fault.inject(world, random.fork('fault'))
  await within(injectLimitMilliseconds, `${fault.name} was not carried out`, injected)
  await Promise.all(bank.servers.map(waitUntilReady))
  await load.acknowledged(random.integer(50, 200))
}

async function waitUntilReady({ name, baseUrl }: { name: string; baseUrl: string }): Promise<void> {
  const deadline = performance.now() + readyLimitMilliseconds
  for (;;) {
    const signal = AbortSignal.timeout(5_000)
    const answer = await fetch(`${baseUrl}/readyz`, { signal }).catch(() => undefined)
    if (answer?.ok) return
    if (performance.now() > deadline) throw new Error(`server ${name} is not ready in a minute`)
    await sleep(settlePauseMilliseconds)
  }
}

/** Asks for everything that has no outcome yet, at any server, until it has one. */
async function settle({ book, servers }: Bank, random: Random): Promise<Violation[]> {
  const violations: Violation[] = []
  await inLines(book.open(), async (entry) => {
    for (let tries = 0; tries < settleTriesMax; tries += 1) {
      await book.ask(entry, random.pick(servers))
      if (entry.outcome) return
      await sleep(settlePauseMilliseconds)
    }
    violations.push(wrong('its key gives no outcome', ...describeEntry(entry)))
  })
  return violations
}

/** Asks again what has its outcome: the book complains unless each answer is the same to the byte. */
async function replay({ book, servers }: Bank, random: Random): Promise<number> {
  const known = book.entries.filter(({ outcome }) => outcome !== undefined)
  const chosen = new Set<Entry>(known.slice(-replaysMax / 2))
  while (chosen.size < Math.min(replaysMax, known.length)) chosen.add(random.pick(known))
  await inLines([...chosen], async (entry) => {
    await book.ask(entry, random.pick(servers))
  })
  return chosen.size
}

/** Every server shows for every account what follows from the book. */
async function compareBalances({ book, servers, accounts, client, watch }: Bank) {
  const expected = balancesOf(book.entries)
  const violations: Violation[] = []
  for (const { name, baseUrl } of servers) {
    await inLines(accounts, async ({ id, token }) => {
      const floor = watch.floorOf(id)
      const reading = await client.read(baseUrl, `/v1/accounts/${id}`, token)
      if (reading) watch.sawAccount(name, floor, reading.body)
      const shown: unknown = Object(reading?.body)['ledger_balance']
      if (shown === expected.get(id)) return
      violations.push(
        wrong(`${id} has ${expected.get(id)} by the book`, `${name}: ${JSON.stringify(reading)}`),
      )
    })
  }
  return { violations, checks: servers.length * accounts.length }
}

async function inLines<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]()
  await Promise.all(
    Array.from({ length: settleLines }, async () => {
      for (const item of rest) await work(item)
    }),
  )
}

/** Rejects when the run is to end at once. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal?.addEventListener('abort', () => reject(new Error('the run was ended')), { once: true })
  return promise
}

async function within<T>(milliseconds: number, text: string, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(new Error(`${text} in ${milliseconds / 1000} s`))
  }, milliseconds)
  return Promise.race([work, promise]).finally(() => clearTimeout(timer))
}

/** One each: what is wrong before the settlement is so after it. */
function unique(violations: readonly Violation[]): Violation[] {
  const seen = new Map(violations.map((each) => [`${each.text} ${each.evidence[1]}`, each]))
  return [...seen.values()]
}

function outputsOf({ servers }: Bank): string[] {
  return servers.map((server) => `server ${server.name} wrote:\n${server.output().slice(-2000)}`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
