/**
 * Holds, captures, releases, expiry and reversals over several batches, in which time goes on: any of
 * them names any hold or transfer of the batches before, whoever asks, as often as it comes.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assert } from '../../kernel/assert.ts'
import { createDayStart } from '../../kernel/day-start.ts'
import { MINOR_MAX } from '../../kernel/money.ts'
import { instruct, lockedAccount, prepare, storedKeys, uuid } from '../conformance/decisions.ts'
import type { Hold, Instruction, Outcome, PostedTransfer } from '../engine.ts'
import { availableBalance } from './account.ts'
import { decide } from './decide.ts'
import type {
  DecisionInput,
  LockedAccount,
  Original,
  Overdue,
  PreparedInstruction,
  StoredKey,
} from './types.ts'

const owners = [uuid(1), uuid(2), uuid(3)]
const places = [0, 1, 2, 3]
const place = fc.constantFrom(...places)
const amount = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constantFrom(100, 1000))

const kinds = [
  'hold',
  'hold',
  'capture',
  'capture',
  'release',
  'reversal',
  'reversal',
  'transfer',
  'deposit',
] as const

/** What a draft names is the one so many places back among the holds or transfers there are. */
const draft = fc.record({
  kind: fc.constantFrom(...kinds),
  from: place,
  to: place,
  amount,
  isWhole: fc.boolean(),
  back: fc.nat({ max: 4 }),
  expiresInSeconds: fc.constantFrom(1, 60, 600),
  key: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 1_000_000 }).map(String) },
    { weight: 1, arbitrary: fc.constantFrom('one', 'two') },
  ),
  /** Somebody else asks, or staff do. */
  odd: fc.option(fc.constantFrom<'stranger' | 'staff'>('stranger', 'staff'), { freq: 6 }),
})
type Draft = typeof draft extends fc.Arbitrary<infer T> ? T : never

const account = fc
  .record({
    ownerId: fc.constantFrom(...owners),
    status: fc.constantFrom('open', 'open', 'open', 'open', 'open', 'open', 'frozen', 'closed'),
    overdraftLimit: fc.constantFrom(0, 0, 100),
    ledgerBalance: fc.constantFrom(0n, 100n, 300n),
  })
  .map((changes): Partial<LockedAccount> => ({ ...changes, bookedAtMilliseconds: 1 }))

const scenario = fc.record({
  accounts: fc.tuple(account, account, account, account),
  batches: fc.array(
    fc.record({
      drafts: fc.array(draft, { minLength: 4, maxLength: 12, size: 'max' }),
      /** Until the next batch; now and then exactly until a hold expires. */
      passes: fc.constantFrom(1, 1, 1, 999, 1000, 59_000, 60_000),
    }),
    { minLength: 3, maxLength: 8, size: 'max' },
  ),
})
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

interface Books {
  accounts: Map<string, LockedAccount>
  holds: Map<string, Hold>
  transfers: Map<string, PostedTransfer>
  keys: Map<string, StoredKey>
  outcomes: Outcome[]
  /** When each hold was resolved, once. */
  resolvedAt: Map<string, number>
}

const cash = lockedAccount(20, { ownerId: null, normalSide: 'debit', ledgerBalance: 0n })

function newBooks({ accounts }: Scenario): Books {
  const customers = accounts.map((changes, index) => lockedAccount(11 + index, changes))
  const byId = new Map([...customers, cash].map((each) => [each.id, each]))
  const none = { holds: new Map(), transfers: new Map(), keys: new Map(), resolvedAt: new Map() }
  return { accounts: byId, ...none, outcomes: [] }
}

function originalsOf({ transfers }: Books): Map<string, Original> {
  const all = [...transfers.values()]
  return new Map(
    all.map((transfer) => {
      const reversals = all.filter(({ reversesId }) => reversesId === transfer.id)
      const reversed = reversals.reduce((sum, each) => sum + each.amount, 0)
      return [transfer.id, { transfer, reversed }]
    }),
  )
}

function overdueOf({ accounts, holds }: Books, now: number): Map<string, Overdue> {
  const due = [...accounts.values()].filter((each) => each.holdExpiresAtMilliseconds <= now)
  return new Map(
    due.map(({ id }) => {
      const active = [...holds.values()].filter(
        ({ debitAccountId, state }) => debitAccountId === id && state === 'active',
      )
      const later = active.filter(({ expiresAt }) => expiresAt.getTime() > now)
      const nextExpiryMilliseconds = Math.min(...later.map((hold) => hold.expiresAt.getTime()))
      return [id, { holds: active.filter((hold) => !later.includes(hold)), nextExpiryMilliseconds }]
    }),
  )
}

const rules = { transferAmountMax: MINOR_MAX, dayStart: createDayStart('UTC') }

function inputOf(
  books: Books,
  instructions: readonly PreparedInstruction[],
  nowMilliseconds: number,
): DecisionInput {
  const { accounts, keys, holds } = books
  const read = { accounts, keys, holds, originals: originalsOf(books) }
  return {
    ...read,
    overdue: overdueOf(books, nowMilliseconds),
    instructions,
    nowMilliseconds,
    rules,
  }
}

function apply(books: Books, instructions: readonly PreparedInstruction[], now: number): void {
  const decision = decide(inputOf(books, instructions, now))
  for (const each of decision.accounts) books.accounts.set(each.id, each)
  for (const { hold, resolvedAtMilliseconds } of decision.holds) {
    assert(books.holds.get(hold.id)?.state !== 'captured', 'a captured hold stays as it is')
    books.holds.set(hold.id, hold)
    if (resolvedAtMilliseconds === null) continue
    expect(books.resolvedAt.has(hold.id)).toBe(false)
    books.resolvedAt.set(hold.id, resolvedAtMilliseconds)
  }
  for (const transfer of decision.transfers) books.transfers.set(transfer.id, transfer)
  for (const stored of storedKeys(decision)) books.keys.set(stored.keyId, stored)
  books.outcomes.push(...decision.outcomes)
}

function toInstruction(each: Draft, { accounts, holds, transfers }: Books): Instruction {
  const { kind, odd, expiresInSeconds } = each
  const customer = (index: number) => {
    const found = accounts.get(uuid(11 + index))
    assert(found?.ownerId, 'the places are those of customers')
    return { id: found.id, ownerId: found.ownerId }
  }
  const [from, to] = [customer(each.from), customer(each.to)]
  const hold = [...holds.values()].at(-1 - each.back)
  const original = [...transfers.values()].at(-1 - each.back)
  const named = kind === 'reversal' ? original?.creditAccountId : hold?.debitAccountId
  const ownerOfNamed = (named && accounts.get(named)?.ownerId) || from.ownerId
  const owner = kind === 'hold' || kind === 'transfer' ? from.ownerId : ownerOfNamed
  const isStaff = kind === 'deposit' || (odd === 'staff' && kind === 'reversal')
  const asked = {
    principalId: isStaff ? uuid(9) : odd === 'stranger' ? uuid(3) : owner,
    authority: isStaff ? ('staff' as const) : ('owner' as const),
    idempotencyKey: { key: each.key, index: 0 },
    requestId: 'a request',
  }
  const noWords = { description: null, reference: null, metadata: null }
  const part = { ...noWords, amount: each.isWhole ? null : each.amount }
  const parties = { debit: { accountId: from.id }, credit: { accountId: to.id } }
  const moved = { ...parties, amount: each.amount, currency: 'EUR' }
  switch (kind) {
    case 'hold':
      return { kind, ...asked, ...moved, expiresInSeconds }
    case 'capture':
      return { kind, ...asked, ...part, holdId: hold?.id ?? uuid(99) }
    case 'release':
      return { kind, ...asked, holdId: hold?.id ?? uuid(99) }
    case 'reversal':
      return { kind, ...asked, ...part, transferId: original?.id ?? uuid(99) }
    case 'deposit':
      return instruct({ kind, ...asked, ...moved, debit: { accountId: cash.id } })
    default:
      return instruct({ kind, ...asked, ...moved })
  }
}

/** A batch as it reached the ledger, and when. */
interface Sent {
  prepared: PreparedInstruction[]
  now: number
}

/** Plays all batches and returns what was sent. */
function play(each: Scenario, books: Books, onBatch: (batch: Sent) => void = () => {}): Sent[] {
  let now = 1_000_000
  let count = 1000
  return each.batches.map(({ drafts, passes }) => {
    const named = { holds: new Map(books.holds), originals: originalsOf(books) }
    const prepared = drafts.map((one) => prepare(toInstruction(one, books), (count += 1), named))
    const batch = { prepared, now }
    apply(books, prepared, now)
    onBatch(batch)
    now += passes
    return batch
  })
}

const forAll = (holds: (each: Scenario) => void) =>
  fc.assert(fc.property(scenario, holds), { numRuns: 300 })

/** Debit-normal balances less credit-normal ones: what no transfer may change. */
const imbalance = ({ accounts }: Books) =>
  [...accounts.values()].reduce(
    (all, { normalSide, ledgerBalance }) =>
      normalSide === 'debit' ? all + ledgerBalance : all - ledgerBalance,
    0n,
  )

const sum = (amounts: readonly number[]) => amounts.reduce((total, each) => total + each, 0)

describe('properties of holds and reversals', () => {
  it('do enough in these mixes to prove something', () => {
    const seen = new Map<string, number>()
    const count = (name: string) => seen.set(name, (seen.get(name) ?? 0) + 1)
    forAll((each) => {
      const books = newBooks(each)
      play(each, books)
      for (const hold of books.holds.values()) count(hold.state)
      for (const { kind } of books.transfers.values()) count(kind)
      for (const outcome of books.outcomes) {
        count(outcome.replayed ? 'replayed' : outcome.kind)
        if (outcome.kind === 'refused') count(outcome.refusal.code)
      }
    })
    const wanted = ['active', 'captured', 'released', 'expired', 'capture', 'reversal']
    const codes = ['hold_not_active', 'capture_exceeds_hold', 'reversal_exceeds_original']
    const rare = [...wanted, ...codes, 'hold_not_found', 'transfer_not_found', 'not_reversible']
    expect(rare.filter((name) => (seen.get(name) ?? 0) < 10)).toEqual([])
  })

  it('hold exactly what is active, and never let it be spent', () => {
    forAll((each) => {
      const books = newBooks(each)
      play(each, books, () => {
        for (const customer of books.accounts.values()) {
          if (customer.ownerId === null) continue
          const active = [...books.holds.values()].filter(
            ({ debitAccountId, state }) => debitAccountId === customer.id && state === 'active',
          )
          expect(customer.held).toBe(sum(active.map((hold) => hold.amount)))
          expect(availableBalance(customer)).toBeGreaterThanOrEqual(0n)
          const firstExpiry = Math.min(...active.map((hold) => hold.expiresAt.getTime()))
          expect(customer.holdExpiresAtMilliseconds).toBeLessThanOrEqual(firstExpiry)
        }
      })
    })
  })

  it('conserve money', () => {
    forAll((each) => {
      const books = newBooks(each)
      const before = imbalance(books)
      play(each, books)
      expect(imbalance(books)).toBe(before)
    })
  })

  it('resolve a hold once, by one capture of at most its amount, and never after its time', () => {
    forAll((each) => {
      const books = newBooks(each)
      play(each, books)
      const transfers = [...books.transfers.values()]
      for (const hold of books.holds.values()) {
        const captures = transfers.filter(({ holdId }) => holdId === hold.id)
        expect(captures.map((capture) => capture.amount)).toEqual(
          hold.state === 'captured' ? [hold.captured] : [],
        )
        expect(hold.captured).toBeLessThanOrEqual(hold.amount)
        const at = books.resolvedAt.get(hold.id) ?? -Infinity
        const isOver = at >= hold.expiresAt.getTime()
        expect(isOver).toBe(hold.state === 'expired')
      }
    })
  })

  it('never move more back than was moved, nor a reversal', () => {
    forAll((each) => {
      const books = newBooks(each)
      play(each, books)
      for (const { transfer, reversed } of originalsOf(books).values()) {
        expect(reversed).toBeLessThanOrEqual(transfer.kind === 'reversal' ? 0 : transfer.amount)
        const reversals = [...books.transfers.values()].filter(
          ({ reversesId }) => reversesId === transfer.id,
        )
        for (const { debitAccountId, creditAccountId } of reversals) {
          const swapped = [transfer.creditAccountId, transfer.debitAccountId]
          expect([debitAccountId, creditAccountId]).toEqual(swapped)
        }
      }
    })
  })

  it('decide a batch as they decide its instructions one by one', () => {
    forAll((each) => {
      const [whole, single] = [newBooks(each), newBooks(each)]
      // What expires is written when its account is locked next, which a batch does at once.
      play(each, whole, ({ prepared, now }) => {
        apply(single, [], now)
        for (const one of prepared) apply(single, [one], now)
      })
      expect(single).toEqual(whole)
    })
  })

  it('change nothing and give every stored outcome when all batches come again', () => {
    forAll((each) => {
      const books = newBooks(each)
      const batches = play(each, books)
      const before = structuredClone(books)
      const now = (batches.at(-1)?.now ?? 0) + 1
      const inTime = [...books.accounts.values()].every(
        (one) => one.holdExpiresAtMilliseconds > now,
      )
      fc.pre(inTime)
      for (const { prepared } of batches) apply(books, prepared, now)
      const again = books.outcomes.splice(before.outcomes.length)
      expect(books).toEqual(before)
      again.forEach((outcome, index) => {
        const first = before.outcomes[index]
        assert(first, 'each instruction had an outcome')
        const reused = first.kind === 'refused' && first.refusal.code === 'idempotency_key_reused'
        expect(outcome).toEqual({ ...first, replayed: !reused })
      })
    })
  })
})
