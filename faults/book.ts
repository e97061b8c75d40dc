/**
 * The clients' own books: every instruction, and what they were told about it by any server.
 *
 * A posted or refused answer is the outcome, for good: whatever is answered to the same key later has
 * to say the same. That nothing was done now says nothing about an earlier request with that key.
 */
import type { Answer, Client, Outcome } from './client.ts'
import type { FaultNeeds } from './fault.ts'
import type { Instruction } from './instruction.ts'
import { wrong, type Violation } from './violation.ts'

export interface Entry {
  instruction: Instruction
  /** In which round it was first sent. */
  round: number
  outcome: Outcome | undefined
  /** A server or a cut line has left it open at some time. */
  wasUnknown: boolean
  /** How many requests with its key are on their way. */
  inFlight: number
  /** Every answer, in the order in which they came: by whom, and what. */
  trail: string[]
  /** Answers to it are the same where both have a member, and not to the byte. */
  twoReleases: boolean
}

export interface Book {
  readonly entries: readonly Entry[]
  /** What has no outcome yet. */
  open(): Entry[]
  add(instruction: Instruction, round: number, needs?: Pick<FaultNeeds, 'twoReleases'>): Entry
  /** Sends it once and writes down what comes of it. */
  ask(entry: Entry, server: { name: string; baseUrl: string }): Promise<Answer>
  record(entry: Entry, server: string, answer: Answer): void
  /** What was answered and may not be; each is handed out once. */
  takeViolations(): Violation[]
}

/** A trail tells how it began; of a long one the rest repeats itself. */
const trailMax = 40

export function createBook(client: Client): Book {
  const entries: Entry[] = []
  let violations: Violation[] = []

  function recordOutcome(entry: Entry, outcome: Outcome): void {
    const first = entry.outcome
    entry.outcome ??= { ...outcome }
    if (!first) {
      if (outcome.replayed && !entry.wasUnknown && entry.inFlight === 0) {
        const text = 'every earlier answer said that nothing was done, and it had been'
        violations.push(wrong(text, ...describeEntry(entry), outcome.text))
      }
      return
    }
    if (isSame(entry, first, outcome)) return
    violations.push(
      wrong(
        'two answers to one key differ',
        ...describeEntry(entry),
        `first ${first.status} ${first.text}`,
        `then ${outcome.status} ${outcome.text}`,
      ),
    )
  }

  function record(entry: Entry, server: string, answer: Answer): void {
    if (entry.trail.length < trailMax) entry.trail.push(`${server}: ${answer.code}`)
    if (answer.kind === 'posted' || answer.kind === 'refused') recordOutcome(entry, answer)
    if (answer.kind === 'unknown' || answer.kind === 'defect') entry.wasUnknown = true
    if (answer.kind === 'defect') {
      violations.push(
        wrong(`no bank may answer with ${answer.code}`, ...describeEntry(entry), answer.text),
      )
    }
  }

  return {
    entries,
    open: () => entries.filter(({ outcome }) => outcome === undefined),
    add(instruction, round, needs) {
      const entry: Entry = {
        instruction,
        round,
        outcome: undefined,
        wasUnknown: false,
        inFlight: 0,
        trail: [],
        twoReleases: needs?.twoReleases ?? false,
      }
      entries.push(entry)
      return entry
    },
    async ask(entry, { name, baseUrl }) {
      entry.inFlight += 1
      const answer = await client.ask(baseUrl, entry.instruction)
      entry.inFlight -= 1
      record(entry, name, answer)
      return answer
    },
    record,
    takeViolations() {
      const taken = violations
      violations = []
      return taken
    },
  }
}

function isSame({ twoReleases }: Entry, first: Outcome, then: Outcome): boolean {
  if (first.status !== then.status) return false
  if (first.text === then.text) return true
  return twoReleases && agree(JSON.parse(first.text), JSON.parse(then.text))
}

/** Whether all members that both have are equal. */
function agree(left: unknown, right: unknown): boolean {
  if (!isObject(left) || !isObject(right)) return left === right
  return Object.keys(left).every((name) => !(name in right) || agree(left[name], right[name]))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** The instruction with its key, and what was answered to it by whom. */
export function describeEntry({ instruction, trail, round }: Entry): string[] {
  const { kind, idempotencyKey, path, body } = instruction
  return [
    `${kind} of round ${round}: POST ${path} ${body}`,
    `idempotency-key: ${idempotencyKey}`,
    `answers: ${trail.join(', ') || 'none'}`,
  ]
}
