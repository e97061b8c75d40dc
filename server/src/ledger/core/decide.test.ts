import { describe, expect, it } from 'vitest'
import { Defect } from '../../kernel/assert.ts'
import type { Party } from '../engine.ts'
import { decide } from './decide.ts'
import {
  decisionInput,
  instruct,
  lockedAccount,
  storedKeys,
  uuid,
} from '../conformance/decisions.ts'

const from = lockedAccount(11)
const to = lockedAccount(12, { ownerId: uuid(2), ledgerBalance: 0n, version: 0 })
const cash = lockedAccount(13, { ownerId: null, normalSide: 'debit', ledgerBalance: 0n })
const fees = lockedAccount(14, { ownerId: null, normalSide: 'credit', ledgerBalance: 0n })
const teller = { principalId: uuid(9), authority: 'staff' } as const
const party = ({ id }: { id: string }): Party => ({ accountId: id })
const key = (name: string) => ({ key: name, index: 0 })

describe('decide', () => {
  it('decides nothing for no instructions', () => {
    const none = { transfers: [], accounts: [], holds: [], keys: [], staffEvents: [] }
    const nothing = { outcomes: [], ...none, isExpiryMoved: false }
    expect(decide(decisionInput([from, to], []))).toEqual(nothing)
  })

  it('lists a changed account once, in its last state, and no unchanged one', () => {
    const instructions = ['a', 'b', 'c'].map((name) => instruct({ idempotencyKey: key(name) }))
    const decision = decide(decisionInput([from, to, cash], instructions))
    expect(decision.transfers.map(({ debitSeq, creditSeq }) => [debitSeq, creditSeq])).toEqual([
      [2, 1],
      [3, 2],
      [4, 3],
    ])
    expect(decision.accounts).toEqual([
      { ...from, ledgerBalance: 700n, version: 4, bookedAtMilliseconds: 1_000_000 },
      { ...to, ledgerBalance: 300n, version: 3, bookedAtMilliseconds: 1_000_000 },
    ])
  })

  it('leaves its input as it was', () => {
    const input = decisionInput([from, to], [instruct()])
    const { rules, ...read } = input
    const before = structuredClone(read)
    decide(input)
    expect(input).toEqual({ ...before, rules })
  })

  it('sees what earlier instructions of the batch left behind', () => {
    const decision = decide(
      decisionInput(
        [from, to],
        [
          instruct({ idempotencyKey: key('a'), amount: 1000 }),
          instruct({ idempotencyKey: key('b'), amount: 1 }),
          instruct({
            idempotencyKey: key('c'),
            principalId: uuid(2),
            amount: 400,
            debit: party(to),
            credit: party(from),
          }),
          instruct({ idempotencyKey: key('d'), amount: 400 }),
        ],
      ),
    )
    const kinds = decision.outcomes.map(({ kind }) => kind).join(' ')
    expect(kinds).toBe('posted refused posted posted')
  })

  it('keeps held money from being spent', () => {
    const holder = { ...from, held: 950 }
    const { outcomes } = decide(decisionInput([holder, to], [instruct()]))
    expect(outcomes).toMatchObject([{ refusal: { code: 'insufficient_funds', available: 50 } }])
  })

  it('raises a debit-normal account by debits and a credit-normal one by credits', () => {
    const decision = decide(
      decisionInput(
        [from, cash, fees],
        [
          instruct({
            ...teller,
            kind: 'deposit',
            idempotencyKey: key('a'),
            amount: 30,
            debit: party(cash),
            credit: party(from),
          }),
          instruct({
            ...teller,
            kind: 'withdrawal',
            idempotencyKey: key('b'),
            amount: 5,
            debit: party(from),
            credit: party(fees),
          }),
          instruct({
            ...teller,
            kind: 'withdrawal',
            idempotencyKey: key('c'),
            amount: 50,
            debit: party(from),
            credit: party(cash),
          }),
        ],
      ),
    )
    const after = decision.transfers.map((transfer) => [
      transfer.debitBalanceAfter,
      transfer.creditBalanceAfter,
    ])
    expect(after).toEqual([
      [30n, 1030n],
      [1025n, 5n],
      [975n, -20n],
    ])
  })

  const widest = 10n ** 38n - 1n
  it.each([
    ['debit', { ...cash, ledgerBalance: widest - 99n }, from],
    ['debit', { ...fees, ledgerBalance: -widest + 99n }, from],
    ['credit', from, { ...cash, ledgerBalance: -widest + 99n }],
    ['credit', from, { ...fees, ledgerBalance: widest - 99n }],
  ])('refuses what would not fit the column on the %s side (%#)', (side, debit, credit) => {
    const move = (amount: number) =>
      instruct({
        ...teller,
        kind: debit.ownerId === null ? 'deposit' : 'withdrawal',
        amount,
        debit: party(debit),
        credit: party(credit),
      })
    const { outcomes } = decide(decisionInput([debit, credit], [move(100)]))
    expect(outcomes).toMatchObject([{ refusal: { code: 'balance_out_of_range', side } }])
    expect(decide(decisionInput([debit, credit], [move(99)])).transfers).toHaveLength(1)
  })

  it('books at the latest of the present and the last bookings of both accounts', () => {
    const late = { ...to, bookedAtMilliseconds: 2_000_000 }
    const { transfers, accounts } = decide(decisionInput([from, late], [instruct()]))
    expect(transfers[0]?.createdAt.getTime()).toBe(2_000_000)
    expect(accounts.map(({ bookedAtMilliseconds }) => bookedAtMilliseconds)).toEqual([
      2_000_000, 2_000_000,
    ])
  })

  it('refuses a bank account that is not open as one that is not there', () => {
    const deposit = instruct({ ...teller, kind: 'deposit', debit: { bankCode: 'cash' } })
    const { outcomes } = decide(decisionInput([from, to], [deposit]))
    expect(outcomes).toMatchObject([{ refusal: { code: 'account_not_found', side: 'debit' } }])
  })
})

describe('keys within and across batches', () => {
  it('answers a key that comes twice in a batch with its first outcome', () => {
    const again = instruct({ requestId: 'another request' })
    const other = instruct({ amount: 7, reference: 'r' })
    const { outcomes, transfers, keys } = decide(
      decisionInput([from, to], [instruct(), again, other]),
    )
    expect(outcomes[1]).toEqual({ ...outcomes[0], replayed: true })
    expect(outcomes[2]).toMatchObject({
      refusal: { code: 'idempotency_key_reused', fields: ['amount', 'reference'] },
      replayed: false,
    })
    expect([transfers.length, keys.length]).toEqual([1, 1])
  })

  it('answers a key of an earlier batch alike, with nothing to write', () => {
    const first = decide(decisionInput([from, to], [instruct({ description: 'Tea' })]))
    const keys = new Map(storedKeys(first).map((stored) => [stored.keyId, stored]))
    // The accounts are gone by now: a stored outcome asks for none.
    const again = decide(decisionInput([], [instruct({ description: 'Tea' })], { keys }))
    expect(again.outcomes).toEqual([{ ...first.outcomes[0], replayed: true }])
    expect([again.transfers, again.accounts, again.keys]).toEqual([[], [], []])
  })

  it('trips over two keys with one hash, and over a format it cannot compare', () => {
    const first = decide(decisionInput([from, to], [instruct()]))
    const [stored] = storedKeys(first)
    if (stored === undefined) throw new Error('no key')
    for (const wrong of [
      { ...stored, key: 'another key' },
      { ...stored, principalId: uuid(2) },
      { ...stored, index: 1 },
      { ...stored, format: 2 },
    ]) {
      const keys = new Map([[wrong.keyId, wrong]])
      expect(() => decide(decisionInput([from, to], [instruct()], { keys }))).toThrow(Defect)
    }
  })
})

describe('defects', () => {
  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('trips over the amount %d', (amount) => {
    expect(() => decide(decisionInput([from, to], [instruct({ amount })]))).toThrow(Defect)
  })

  it('trips over an account below its limit, which no rule allows', () => {
    const broken = { ...from, ledgerBalance: -1n }
    expect(() => decide(decisionInput([broken, to], [instruct()]))).toThrow(Defect)
  })

  it('trips over a time that is not in whole milliseconds', () => {
    const input = decisionInput([from, to], [instruct()], { nowMilliseconds: 0.5 })
    expect(() => decide(input)).toThrow(Defect)
  })
})
