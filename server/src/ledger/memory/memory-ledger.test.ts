import { describe, expect, it } from 'vitest'
import { assert } from '../../kernel/assert.ts'
import { assertChain, assertHeld, createWorld } from '../conformance/world.ts'
import {
  conformanceAmountMax,
  conformanceTimeZone,
  ledgerConformance,
  type LedgerHarness,
} from '../engine.conformance.ts'
import { createMemoryLedger, type MemoryLedger } from './memory-ledger.ts'

ledgerConformance('memory', async (): Promise<LedgerHarness> => {
  const ledger = createMemoryLedger({
    transferAmountMax: conformanceAmountMax,
    timeZone: conformanceTimeZone,
  })
  return {
    ledger,
    arrange: async (accountId, settings) => ledger.arrange(accountId, settings),
    makeOverdue: async (holdId) => ledger.makeOverdue(holdId),
    hold: async (holdId) => ledger.holds().find(({ id }) => id === holdId),
    transfers: async () => ledger.transfers(),
    bankAccounts: async () => countBankAccounts(ledger),
    staffEvents: async (actorId) => ledger.staffEvents().filter((e) => e.actorId === actorId),
    defects: [
      { name: 'no amount', change: { amount: 0 } },
      { name: 'a fraction', change: { amount: 1.5 } },
      { name: 'no number', change: { amount: Number.NaN } },
    ],
    async audit() {
      for (const account of ledger.accounts()) {
        assertChain(ledger.transfers(), account)
        assertHeld(ledger.holds(), account)
      }
    },
    close: async () => undefined,
  }
})

describe('the memory ledger and its clock', () => {
  it('books nothing earlier than the last booking of either account', async () => {
    const times = [1000, 5000, 3000, 2000]
    const clock = { now: () => new Date(times[step] ?? 0) }
    let step = 0
    const ledger = createMemoryLedger({ clock })
    const world = createWorld({
      ledger,
      arrange: async () => undefined,
      makeOverdue: async () => undefined,
      hold: async () => undefined,
      transfers: async () => ledger.transfers(),
      bankAccounts: async () => countBankAccounts(ledger),
      staffEvents: async () => ledger.staffEvents(),
      defects: [],
      audit: async () => undefined,
      close: async () => undefined,
    })
    const [early, late] = [await world.open(), await world.open()]
    const booked: number[] = []
    for (const to of [early, late, early, late]) {
      const { createdAt } = await world.mustPost(world.deposit(to, 100))
      booked.push(createdAt.getTime())
      step += 1
    }
    // Cash is on the other side of all four.
    expect(booked).toEqual([1000, 5000, 5000, 5000])
    const first = ledger.accounts()[0]
    assert(first, 'the first account is there')
    assertChain(ledger.transfers(), first)
  })
})

function countBankAccounts(ledger: MemoryLedger) {
  const accounts = ledger.accounts().filter(({ ownerId }) => ownerId === null).length
  return { accounts, codes: ledger.bankAccounts().length }
}
