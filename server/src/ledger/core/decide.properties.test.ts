import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assert } from '../../kernel/assert.ts'
import { createDayStart } from '../../kernel/day-start.ts'
import { MINOR_MAX } from '../../kernel/money.ts'
import type { Outcome, PostedTransfer, TransferInstruction } from '../engine.ts'
import { availableBalance } from './account.ts'
import { decide } from './decide.ts'
import {
  decisionInput,
  instruct,
  lockedAccount,
  prepare,
  storedKeys,
  uuid,
} from '../conformance/decisions.ts'
import type { LockedAccount, PreparedInstruction, StoredKey } from './types.ts'

// Few accounts, users, keys and currencies, so that everything collides with everything.
const owners = [uuid(1), uuid(2), uuid(3)]
const customerNumbers = [11, 12, 13, 14, 15]
const bankNumbers = [21, 22, 23]

const edges = [1, 2, 99, 100, 101, 1000, MINOR_MAX - 1, MINOR_MAX]
const amount = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(...edges))
const currency = fc.oneof({ weight: 9, arbitrary: fc.constant('EUR') }, fc.constant('USD'))

const customerAccount = (number: number) =>
  fc
    .record({
      ownerId: fc.constantFrom(...owners),
      currency,
      status: fc.constantFrom('open', 'open', 'open', 'open', 'frozen', 'closed'),
      overdraftLimit: fc.constantFrom(0, 0, 50, MINOR_MAX),
      ledgerBalance: fc.constantFrom(0n, 100n, 1000n, BigInt(MINOR_MAX)),
      held: fc.constantFrom(0, 0, 30),
      transferLimit: fc.constantFrom(null, null, null, null, 250),
      dailyLimit: fc.constantFrom(null, null, 60),
      bookedAtMilliseconds: fc.constantFrom(1, 999_999, 1_000_500),
    })
    .filter(
      (account) => account.ledgerBalance + BigInt(account.overdraftLimit - account.held) >= 0n,
    )
    .map((changes): LockedAccount => {
      const spending = changes.dailyLimit === null ? null : { sinceMilliseconds: 0, spent: 0n }
      return lockedAccount(number, { ...changes, spending, version: 0 })
    })

const bankAccount = (number: number) =>
  fc
    .record({
      currency,
      normalSide: fc.constantFrom('debit', 'credit'),
      ledgerBalance: fc.constantFrom(0n, 10n ** 38n - 150n, -(10n ** 38n) + 150n),
    })
    .map((changes): LockedAccount =>
      lockedAccount(number, {
        ...changes,
        ownerId: null,
        version: 0,
        bookedAtMilliseconds: -Infinity,
      }),
    )

const customers = fc.tuple(...customerNumbers.map(customerAccount))
const banks = fc.tuple(...bankNumbers.map(bankAccount))

const place = fc.nat({ max: 4 })
const words = fc.record({
  description: fc.constantFrom(null, null, null, 'a', 'b'),
  metadata: fc.constantFrom(null, null, {}, { a: '1', b: '2' }, { b: '2', a: '1' }),
})

/** Mostly what a customer or a teller would ask for, and anything at all now and then. */
const draft = fc.record({
  kind: fc.constantFrom('transfer', 'transfer', 'transfer', 'deposit', 'withdrawal'),
  places: fc.tuple(place, place),
  amount,
  currency,
  key: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: 1_000_000 }).map(String) },
    { weight: 1, arbitrary: fc.constantFrom('one', 'two', 'three') },
  ),
  index: fc.constantFrom(0, 0, 1),
  words,
  /** How many places back the instruction is that this one repeats, and by what more it moves. */
  repeats: fc.option(fc.integer({ min: 1, max: 10 }), { freq: 4 }),
  repeatedMore: fc.constantFrom(0, 0, 1),
  odd: fc.option(
    fc.record({
      principalId: fc.constantFrom(...owners),
      authority: fc.constantFrom('owner', 'staff'),
      debit: fc.constantFrom(...customerNumbers, ...bankNumbers, 99),
      credit: fc.constantFrom(...customerNumbers, ...bankNumbers, 99),
    }),
    { freq: 6 },
  ),
})
type Draft = typeof draft extends fc.Arbitrary<infer T> ? T : never

function toInstruction(each: Draft, accounts: readonly LockedAccount[]): TransferInstruction {
  const { kind, places, key, index, odd } = each
  const customer = accounts[places[0]]
  const other = accounts[places[1]]
  const bank = accounts[customerNumbers.length + (places[1] % bankNumbers.length)]
  assert(customer && other && bank, 'the places are within the accounts')
  const [debit, credit] =
    kind === 'transfer'
      ? [customer, other]
      : kind === 'deposit'
        ? [bank, customer]
        : [customer, bank]
  return instruct({
    kind,
    principalId:
      odd?.principalId ?? (kind === 'transfer' ? (customer.ownerId ?? uuid(9)) : uuid(9)),
    authority: odd?.authority ?? (kind === 'transfer' ? 'owner' : 'staff'),
    idempotencyKey: { key, index },
    debit: { accountId: odd ? uuid(odd.debit) : debit.id },
    credit: { accountId: odd ? uuid(odd.credit) : credit.id },
    amount: each.amount,
    currency: each.currency,
    ...each.words,
  })
}

/** Accounts, and a batch of instructions on them in which some come again. */
const scenario = fc
  .tuple(customers, banks, fc.array(draft, { minLength: 1, maxLength: 80, size: 'max' }))
  .map(([first, second, drafts]) => {
    const accounts = [...first, ...second]
    const instructions = drafts.map((each) => toInstruction(each, accounts))
    drafts.forEach(({ repeats, repeatedMore }, index) => {
      const repeated = instructions[index - (repeats ?? index + 1)]
      if (!repeated) return
      const amountAgain = Math.min(repeated.amount + repeatedMore, MINOR_MAX)
      instructions[index] = { ...repeated, requestId: `request ${index}`, amount: amountAgain }
    })
    return { accounts, instructions }
  })
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

const rules = { transferAmountMax: MINOR_MAX - 1, dayStart: createDayStart('UTC') }

/** What an engine keeps between batches. */
interface Books {
  accounts: Map<string, LockedAccount>
  keys: Map<string, StoredKey>
  transfers: PostedTransfer[]
  outcomes: Outcome[]
}

function newBooks(accounts: readonly LockedAccount[]): Books {
  const byId = new Map(accounts.map((account) => [account.id, account]))
  return { accounts: byId, keys: new Map(), transfers: [], outcomes: [] }
}

function apply(books: Books, instructions: readonly PreparedInstruction[], now = 1_000_000): void {
  const { accounts, keys } = books
  const none = { holds: new Map(), originals: new Map(), overdue: new Map() }
  const decision = decide({ accounts, keys, ...none, instructions, nowMilliseconds: now, rules })
  for (const account of decision.accounts) accounts.set(account.id, account)
  for (const stored of storedKeys(decision)) keys.set(stored.keyId, stored)
  books.transfers.push(...decision.transfers)
  books.outcomes.push(...decision.outcomes)
}

const prepareAll = (instructions: readonly TransferInstruction[]) =>
  instructions.map((each, index) => prepare(each, 1000 + index))

/** Debit-normal balances less credit-normal ones, per currency: what no transfer may change. */
function imbalances(accounts: Iterable<LockedAccount>): Map<string, bigint> {
  const sums = new Map<string, bigint>()
  for (const { currency: code, normalSide, ledgerBalance } of accounts) {
    const signed = normalSide === 'debit' ? ledgerBalance : -ledgerBalance
    sums.set(code, (sums.get(code) ?? 0n) + signed)
  }
  return sums
}

const forAll = (holds: (scenario: Scenario) => void) =>
  fc.assert(fc.property(scenario, holds), { numRuns: 300 })

describe('properties of decide', () => {
  it('posts often enough in these mixes to prove something', () => {
    const seen = new Map<string, number>()
    forAll(({ accounts, instructions }) => {
      for (const outcome of decide(decisionInput(accounts, instructions, { rules })).outcomes) {
        const name = outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind
        seen.set(name, (seen.get(name) ?? 0) + 1)
        if (outcome.replayed) seen.set('replayed', (seen.get('replayed') ?? 0) + 1)
      }
    })
    const often = { posted: 100, replayed: 100, idempotency_key_reused: 100 }
    const enough = { ...often, insufficient_funds: 25, daily_limit_exceeded: 25 }
    const rare = Object.entries(enough).filter(([name, least]) => (seen.get(name) ?? 0) < least)
    expect(rare).toEqual([])
    // Every refusal, a posting and a replay.
    expect(seen.size).toBe(13)
  })

  it('conserves money in every currency', () => {
    forAll(({ accounts, instructions }) => {
      const books = newBooks(accounts)
      apply(books, prepareAll(instructions))
      expect(imbalances(books.accounts.values())).toEqual(imbalances(accounts))
    })
  })

  it('makes every balance the sum of its entries, with no gap in seq and none back in time', () => {
    forAll(({ accounts, instructions }) => {
      const books = newBooks(accounts)
      apply(books, prepareAll(instructions))
      for (const before of accounts) {
        let { ledgerBalance, version, bookedAtMilliseconds, spending } = before
        for (const transfer of books.transfers) {
          const isDebit = transfer.debitAccountId === before.id
          if (!isDebit && transfer.creditAccountId !== before.id) continue
          const side = isDebit ? 'debit' : 'credit'
          ledgerBalance += BigInt(side === before.normalSide ? transfer.amount : -transfer.amount)
          version += 1
          expect(isDebit ? transfer.debitSeq : transfer.creditSeq).toBe(version)
          expect(isDebit ? transfer.debitBalanceAfter : transfer.creditBalanceAfter).toBe(
            ledgerBalance,
          )
          expect(transfer.createdAt.getTime()).toBeGreaterThanOrEqual(bookedAtMilliseconds)
          bookedAtMilliseconds = transfer.createdAt.getTime()
          if (!isDebit || transfer.kind !== 'transfer' || spending === null) continue
          spending = { ...spending, spent: spending.spent + BigInt(transfer.amount) }
        }
        const after = books.accounts.get(before.id)
        const changed = { ledgerBalance, version, bookedAtMilliseconds, spending }
        expect(after).toEqual({ ...before, ...changed })
      }
    })
  })

  it('leaves no customer below the limit or out of range', () => {
    forAll(({ accounts, instructions }) => {
      const books = newBooks(accounts)
      apply(books, prepareAll(instructions))
      for (const account of books.accounts.values()) {
        if (account.ownerId === null) continue
        expect(availableBalance(account)).toBeGreaterThanOrEqual(0n)
        expect(account.ledgerBalance).toBeLessThanOrEqual(BigInt(MINOR_MAX))
        expect(account.ledgerBalance).toBeGreaterThanOrEqual(-BigInt(MINOR_MAX))
      }
    })
  })

  it('decides a batch as it decides its instructions one by one', () => {
    forAll(({ accounts, instructions }) => {
      const [whole, single] = [newBooks(accounts), newBooks(accounts)]
      const prepared = prepareAll(instructions)
      apply(whole, prepared)
      for (const each of prepared) apply(single, [each])
      expect(single).toEqual(whole)
    })
  })

  it('changes nothing and gives every stored outcome when a batch is sent again', () => {
    forAll(({ accounts, instructions }) => {
      const books = newBooks(accounts)
      const prepared = prepareAll(instructions)
      apply(books, prepared)
      const before = structuredClone(books)
      apply(books, prepared, 2_000_000)
      expect(books.accounts).toEqual(before.accounts)
      expect(books.transfers).toEqual(before.transfers)
      expect(books.keys).toEqual(before.keys)
      const again = books.outcomes.slice(before.outcomes.length)
      again.forEach((outcome, index) => {
        const first = before.outcomes[index]
        assert(first, 'each instruction had an outcome')
        const reused = first.kind === 'refused' && first.refusal.code === 'idempotency_key_reused'
        expect(outcome).toEqual({ ...first, replayed: !reused })
      })
    })
  })
})
