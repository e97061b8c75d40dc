import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assert } from '../../kernel/assert.ts'
import { createDayStart } from '../../kernel/day-start.ts'
import { MINOR_MAX } from '../../kernel/money.ts'
import { decisionInput, instruct, lockedAccount, uuid } from '../conformance/decisions.ts'
import type { Hold, Instruction, PostedTransfer } from '../engine.ts'
import { countsFrom, decideChange } from './change.ts'
import { decide } from './decide.ts'
import { limitsLeft } from './limits.ts'
import type { HoldChange, LedgerRules, LockedAccount } from './types.ts'

const at = (text: string) => Date.parse(text)
const berlin: LedgerRules = {
  transferAmountMax: MINOR_MAX,
  dayStart: createDayStart('Europe/Berlin'),
}

/** Account 11 with a limit of 100 a day, of which nothing is spent on the day of that moment. */
function limited(moment: string, changes: Partial<LockedAccount> = {}): LockedAccount {
  const spending = { sinceMilliseconds: berlin.dayStart(at(moment)), spent: 0n }
  return lockedAccount(11, { dailyLimit: 100, spending, ...changes })
}

interface Books {
  account: LockedAccount
  receiver: LockedAccount
  transfers: PostedTransfer[]
  holds: Map<string, HoldChange>
  count: number
}

const open = (account: LockedAccount): Books => ({
  account,
  receiver: lockedAccount(12, { ownerId: uuid(2) }),
  transfers: [],
  holds: new Map(),
  count: 0,
})

/** Decides one instruction at that moment, and keeps what came of it. */
function carryOut(books: Books, instruction: Instruction, nowMilliseconds: number) {
  books.count += 1
  const key = { key: `key ${books.count}`, index: 0 }
  const { account, receiver } = books
  const holds = new Map([...books.holds].map(([id, { hold }]): [string, Hold] => [id, hold]))
  const input = decisionInput([account, receiver], [{ ...instruction, idempotencyKey: key }], {
    holds,
    nowMilliseconds,
    rules: berlin,
  })
  const instructions = input.instructions.map((each) => ({ ...each, newId: uuid(books.count) }))
  const decision = decide({ ...input, instructions })
  for (const changed of decision.accounts) {
    if (changed.id === account.id) books.account = changed
    else books.receiver = changed
  }
  books.transfers.push(...decision.transfers)
  for (const change of decision.holds) books.holds.set(change.hold.id, change)
  const [outcome] = decision.outcomes
  assert(outcome, 'an instruction has an outcome')
  return outcome
}

const asked = { principalId: uuid(1), authority: 'owner', requestId: 'a request' } as const
const noKey = { key: '', index: 0 }
const hold = (amount: number, expiresInSeconds = 1_000_000): Instruction => ({
  kind: 'hold',
  ...asked,
  idempotencyKey: noKey,
  debit: { accountId: uuid(11) },
  credit: { accountId: uuid(12) },
  amount,
  currency: 'EUR',
  expiresInSeconds,
})
const release = (holdId: string): Instruction => ({
  kind: 'release',
  ...asked,
  idempotencyKey: noKey,
  holdId,
})
const capture = (holdId: string, amount: number | null): Instruction => ({
  kind: 'capture',
  ...asked,
  idempotencyKey: noKey,
  holdId,
  amount,
  description: null,
  reference: null,
  metadata: null,
})

const left = ({ account }: Books, moment: number) =>
  limitsLeft(account, berlin, moment).dailyRemaining

/** What the auditor holds the count against. */
function recount({ account, transfers, holds }: Books): bigint {
  const since = account.spending?.sinceMilliseconds ?? Infinity
  const amounts = [
    ...transfers
      .filter(({ kind, createdAt }) => kind === 'transfer' && createdAt.getTime() >= since)
      .map(({ amount }) => amount),
    ...[...holds.values()]
      .filter(({ hold: { createdAt } }) => createdAt.getTime() >= since)
      .map(({ hold: { state, amount, captured } }) => (state === 'active' ? amount : captured)),
  ]
  return amounts.reduce((sum, amount) => sum + BigInt(amount), 0n)
}

describe('a day', () => {
  it.each([
    ['ends at midnight of the bank', '2026-01-15T22:59:59.999Z', '2026-01-15T23:00:00.000Z'],
    ['of 23 hours ends too', '2026-03-29T21:59:59.999Z', '2026-03-29T22:00:00.000Z'],
    ['of 25 hours does not end before', '2026-10-25T22:59:59.999Z', '2026-10-25T23:00:00.000Z'],
  ])('%s', (_, before, after) => {
    const books = open(limited(before))
    expect(carryOut(books, instruct({ amount: 100 }), at(before)).kind).toBe('posted')
    const refusal = { code: 'daily_limit_exceeded', limit: 100, available: 0, requested: 1 }
    const late = carryOut(books, instruct({ amount: 1 }), at(before))
    expect(late).toMatchObject({ refusal })
    expect(carryOut(books, instruct({ amount: 100 }), at(after)).kind).toBe('posted')
    expect(left(books, at(after))).toBe(0)
  })

  it('is the whole of it where an hour comes twice', () => {
    const [first, second] = ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z']
    const books = open(limited(first))
    carryOut(books, instruct({ amount: 60 }), at(first))
    expect(left(books, at(second))).toBe(40)
  })

  it('takes back what holds of its own give back, and not of another day', () => {
    const [today, tomorrow] = [at('2026-01-15T12:00:00Z'), at('2026-01-16T12:00:00Z')]
    const books = open(limited('2026-01-15T12:00:00Z'))
    const ids = [30, 40, 20].map((amount) => {
      const outcome = carryOut(books, hold(amount), today)
      return outcome.kind === 'held' ? outcome.hold.id : ''
    })
    const [first = '', second = '', third = ''] = ids
    carryOut(books, release(first), today)
    expect(left(books, today)).toBe(40)
    expect(left(books, tomorrow)).toBe(100)
    carryOut(books, release(second), tomorrow)
    expect(left(books, tomorrow)).toBe(100)
    carryOut(books, capture(third, 5), tomorrow)
    expect(left(books, tomorrow)).toBe(100)
    expect(books.account.spending?.spent).toBe(recount(books))
  })

  it('is not counted twice, nor forgotten, when the clock steps back over its start', () => {
    const [evening, morning] = [at('2026-01-15T22:59:00Z'), at('2026-01-15T23:01:00Z')]
    const books = open(limited('2026-01-15T12:00:00Z'))
    carryOut(books, hold(70), morning)
    const paid = carryOut(books, instruct({ amount: 20 }), evening)
    expect(paid).toMatchObject({ transfer: { createdAt: new Date('2026-01-15T23:00:00.000Z') } })
    const again = carryOut(books, hold(10), evening)
    expect(again).toMatchObject({ hold: { createdAt: new Date('2026-01-15T23:00:00.000Z') } })
    expect(carryOut(books, hold(1), evening)).toMatchObject({ refusal: { available: 0 } })
    expect(books.account.spending?.spent).toBe(recount(books))
  })
})

describe('setting limits', () => {
  const set = { kind: 'set_limits', transferLimit: null, dailyLimit: 50 } as const
  const order = { principalId: uuid(9), authority: 'staff', accountId: uuid(11) } as const
  const terms = { nowMilliseconds: at('2026-01-15T12:00:00Z'), rules: berlin }

  it('asks for what left on the day only where nobody has counted it', () => {
    const wanted = { ...order, change: set, requestId: 'r' }
    expect(countsFrom(wanted, lockedAccount(11), terms)).toBe(at('2026-01-14T23:00:00Z'))
    expect(countsFrom(wanted, limited('2026-01-15T12:00:00Z'), terms)).toBeUndefined()
    const change = { ...set, dailyLimit: null }
    expect(countsFrom({ ...wanted, change }, lockedAccount(11), terms)).toBeUndefined()
  })

  it('begins no day before the last entry, where the clock has stepped back', () => {
    const bookedAtMilliseconds = at('2026-01-16T12:00:00Z')
    const account = lockedAccount(11, { bookedAtMilliseconds })
    const since = countsFrom({ ...order, change: set, requestId: 'r' }, account, terms)
    expect(since).toBe(at('2026-01-15T23:00:00Z'))
  })

  it('keeps the count while there is a limit, and drops it with the limit', () => {
    const counted = { sinceMilliseconds: at('2026-01-14T23:00:00Z'), spent: 70n }
    const account = limited('2026-01-15T12:00:00Z', { spending: counted })
    const change = (
      wanted: typeof set | { kind: 'set_limits'; transferLimit: 5; dailyLimit: null },
    ) => decideChange({ ...order, change: wanted, requestId: 'r' }, account, undefined)
    expect(change(set)).toMatchObject({ account: { dailyLimit: 50, spending: counted } })
    expect(change({ kind: 'set_limits', transferLimit: 5, dailyLimit: null })).toMatchObject({
      account: { dailyLimit: null, transferLimit: 5, spending: null },
    })
  })
})

describe('whatever is done in whatever order', () => {
  const step = fc.record({
    kind: fc.constantFrom('transfer', 'transfer', 'hold', 'hold', 'release', 'capture'),
    amount: fc.integer({ min: 1, max: 60 }),
    which: fc.nat({ max: 5 }),
    // The clock may step back, over midnight too.
    hours: fc.integer({ min: -3, max: 15 }),
  })

  it('the count is that of the transfers and holds of the day, and never over the limit', () => {
    const seen = new Map<string, number>()
    const property = fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      let now = at('2026-03-28T12:00:00Z')
      const books = open(limited('2026-03-28T12:00:00Z'))
      for (const { kind, amount, which, hours } of steps) {
        now += hours * 3_600_000
        const placed = [...books.holds.keys()]
        const id = placed[which % Math.max(placed.length, 1)] ?? uuid(99)
        const instruction = {
          transfer: instruct({ amount }),
          hold: hold(amount),
          release: release(id),
          capture: capture(id, null),
        }[kind]
        const outcome = carryOut(books, instruction, now)
        const name = outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind
        seen.set(name, (seen.get(name) ?? 0) + 1)
        expect(books.account.spending?.spent).toBe(recount(books))
        expect(recount(books)).toBeLessThanOrEqual(100n)
        expect(recount(books)).toBeGreaterThanOrEqual(0n)
      }
    })
    fc.assert(property, { numRuns: 200 })
    for (const name of ['posted', 'held', 'daily_limit_exceeded', 'hold_not_active']) {
      expect({ name, isSeen: (seen.get(name) ?? 0) > 20 }).toEqual({ name, isSeen: true })
    }
  })
})
