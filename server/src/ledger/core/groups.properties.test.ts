import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDayStart } from '../../kernel/day-start.ts'
import { instruct, lockedAccount, prepare, storedKeys, uuid } from '../conformance/decisions.ts'
import type { Outcome, PostedTransfer, TransferInstruction } from '../engine.ts'
import { createKeyMaker } from '../idempotency.ts'
import { decide } from './decide.ts'
import type { LockedAccount, PreparedInstruction, StoredKey } from './types.ts'

// Four accounts of one owner, with little on them, so that many groups fail half way.
const owner = uuid(1)
const numbers = [11, 12, 13, 14]
const keyMaker = createKeyMaker(Buffer.alloc(32, 7))
const rules = { transferAmountMax: 500, dayStart: createDayStart('UTC') }

const move = fc
  .record({
    from: fc.nat({ max: 3 }),
    step: fc.integer({ min: 1, max: 3 }),
    amount: fc.integer({ min: 1, max: 60 }),
    odd: fc.oneof(
      { weight: 20, arbitrary: fc.constant('no') },
      { weight: 1, arbitrary: fc.constantFrom('nobody', 'itself', 'too much') },
    ),
  })
  .map(({ from, step, amount, odd }) => ({
    from: numbers[from] ?? 11,
    to: odd === 'nobody' ? 99 : (numbers[odd === 'itself' ? from : (from + step) % 4] ?? 12),
    amount: odd === 'too much' ? 501 : amount,
  }))

/** A single instruction or a group, mostly under a key of its own. */
const unit = fc.record({
  moves: fc.array(move, { minLength: 1, maxLength: 4 }),
  isGroup: fc.boolean(),
  isDryRun: fc.constantFrom(false, false, false, true),
  key: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 1_000_000 }).map(String) },
    { weight: 2, arbitrary: fc.constantFrom('one', 'two') },
  ),
  /** Whether the one before it comes again in its place. */
  isRepeat: fc.constantFrom(false, false, false, true),
})
type Unit = typeof unit extends fc.Arbitrary<infer T> ? T : never

const scenario = fc.record({
  balances: fc.tuple(...numbers.map(() => fc.constantFrom(0n, 100n, 300n, 1000n))),
  units: fc.array(unit, { minLength: 1, maxLength: 25, size: 'max' }),
})
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

interface Books {
  accounts: Map<string, LockedAccount>
  keys: Map<string, StoredKey>
  transfers: PostedTransfer[]
  outcomes: Outcome[]
}

function newBooks({ balances }: Scenario): Books {
  const accounts = numbers.map((number, index) =>
    lockedAccount(number, { ownerId: owner, ledgerBalance: balances[index] ?? 0n, version: 0 }),
  )
  const byId = new Map(accounts.map((account) => [account.id, account]))
  return { accounts: byId, keys: new Map(), transfers: [], outcomes: [] }
}

function apply(books: Books, instructions: readonly PreparedInstruction[]): void {
  const { accounts, keys } = books
  const none = { holds: new Map(), originals: new Map(), overdue: new Map() }
  const nowMilliseconds = 1_000_000
  const decision = decide({ accounts, keys, ...none, instructions, nowMilliseconds, rules })
  for (const account of decision.accounts) accounts.set(account.id, account)
  for (const stored of storedKeys(decision)) keys.set(stored.keyId, stored)
  books.transfers.push(...decision.transfers)
  books.outcomes.push(...decision.outcomes)
}

function prepareUnit(
  { moves, isGroup, isDryRun, key }: Unit,
  place: number,
): PreparedInstruction[] {
  const members = isGroup ? moves : moves.slice(0, 1)
  const group = isGroup ? { id: uuid(900_000 + place), size: members.length } : undefined
  return members.map(({ from, to, amount }, index): PreparedInstruction => {
    const instruction: TransferInstruction = instruct({
      principalId: owner,
      idempotencyKey: { key, index },
      debit: { accountId: uuid(from) },
      credit: { accountId: uuid(to) },
      amount,
    })
    return {
      ...prepare(instruction, 1000 + place * 10 + index),
      ...keyMaker.instruction(instruction, group?.size),
      isDryRun,
      ...(group && { group }),
    }
  })
}

const prepareAll = ({ units }: Scenario) =>
  units.map((each, place) => {
    const before = units[place - 1]
    return prepareUnit(each.isRepeat && before ? before : each, place)
  })

const forAll = (holds: (scenario: Scenario) => void) =>
  fc.assert(fc.property(scenario, holds), { numRuns: 300 })

/** The outcomes of each unit. */
function outcomesByUnit(books: Books, units: readonly PreparedInstruction[][]): Outcome[][] {
  let next = 0
  return units.map(({ length }) => books.outcomes.slice(next, (next += length)))
}

describe('properties of groups', () => {
  it('these mixes post, refuse and replay groups often enough to prove something', () => {
    const seen = { posted: 0, refused: 0, replayed: 0, reused: 0 }
    forAll((each) => {
      const [books, units] = [newBooks(each), prepareAll(each)]
      apply(books, units.flat())
      for (const [index, outcomes] of outcomesByUnit(books, units).entries()) {
        if (!units[index]?.[0]?.group || outcomes.length < 2) continue
        const [first] = outcomes
        if (first?.kind === 'posted') seen.posted += 1
        const codes = outcomes.map((one) => one.kind === 'refused' && one.refusal.code)
        if (codes.includes('group_failed')) seen.refused += 1
        if (codes.includes('idempotency_key_reused')) seen.reused += 1
        if (first?.replayed) seen.replayed += 1
      }
    })
    for (const [name, count] of Object.entries(seen)) {
      expect({ name, isEnough: count > 20 }).toEqual({
        name,
        isEnough: true,
      })
    }
  })

  it('decides a batch with groups as it decides them one by one', () => {
    forAll((each) => {
      const [whole, single] = [newBooks(each), newBooks(each)]
      const units = prepareAll(each)
      apply(whole, units.flat())
      for (const members of units) apply(single, members)
      expect(single).toEqual(whole)
    })
  })

  it('posts all of a group or none, and what is refused leaves nothing but its keys', () => {
    forAll((each) => {
      const books = newBooks(each)
      for (const members of prepareAll(each)) {
        const before = structuredClone(books)
        apply(books, members)
        const outcomes = books.outcomes.slice(before.outcomes.length)
        expect(new Set(outcomes.map(({ kind }) => kind)).size).toBe(1)
        const isPosted = outcomes[0]?.kind === 'posted' && !outcomes[0].replayed
        const isReal = members[0]?.isDryRun !== true
        const posted = isPosted && isReal ? members.length : 0
        expect(books.transfers).toHaveLength(before.transfers.length + posted)
        const accounts = isPosted && isReal ? books.accounts : before.accounts
        expect(books.accounts).toEqual(accounts)
        const added = books.keys.size - before.keys.size
        const isNew = isReal && outcomes.every(({ replayed }) => !replayed) && !hasReused(outcomes)
        expect(added).toBe(isNew ? members.length : 0)
      }
    })
  })

  it('conserves money and leaves no account below zero', () => {
    forAll((each) => {
      const books = newBooks(each)
      const sum = () =>
        [...books.accounts.values()].reduce((total, { ledgerBalance }) => total + ledgerBalance, 0n)
      const before = sum()
      apply(books, prepareAll(each).flat())
      expect(sum()).toBe(before)
      for (const { ledgerBalance } of books.accounts.values()) {
        expect(ledgerBalance >= 0n).toBe(true)
      }
    })
  })

  it('a dry run has the outcomes that the real one has in its place', () => {
    forAll((each) => {
      const books = newBooks(each)
      for (const members of prepareAll(each)) {
        const [dry, real] = [structuredClone(books), structuredClone(books)]
        apply(
          dry,
          members.map((member) => ({ ...member, isDryRun: true })),
        )
        apply(
          real,
          members.map((member) => ({ ...member, isDryRun: false })),
        )
        expect(dry.outcomes.map(withoutPreview)).toEqual(real.outcomes.map(withoutPreview))
        expect({ ...dry, outcomes: [] }).toEqual({ ...books, outcomes: [] })
        apply(books, members)
      }
    })
  })
})

function hasReused(outcomes: readonly Outcome[]): boolean {
  return outcomes.some(
    (each) => each.kind === 'refused' && each.refusal.code === 'idempotency_key_reused',
  )
}

function withoutPreview(outcome: Outcome): Outcome {
  if (outcome.kind === 'refused') return outcome
  const { preview: _, ...rest } = outcome
  return rest
}
