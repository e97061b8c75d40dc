import { afterEach, expect, test, vi } from 'vitest'
import { createRouteBank } from '../../../../test/support/route-bank.ts'
import { createPresence, notePresence } from './presence.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('whoever moves or reserves money is felt for a while, and who only reads is not', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const bank = createRouteBank()
  const presence = createPresence()
  const ledger = notePresence(bank.ledger, presence)
  const accountId = await bank.open(bank.alice)
  const asked = {
    principalId: bank.alice,
    authority: 'owner',
    idempotencyKey: { key: 'key', index: 0 },
    requestId: 'request',
    debit: { accountId },
    credit: { accountId },
    amount: 1,
    currency: 'EUR',
  } as const
  const words = { description: null, reference: null, metadata: null }
  await ledger.account(accountId)
  expect(presence.isFelt()).toBe(false)

  const moves = [
    () => ledger.post({ ...asked, ...words, kind: 'transfer' }),
    () => ledger.hold({ ...asked, kind: 'hold', expiresInSeconds: 60 }),
  ]
  for (const move of moves) {
    await move()
    expect(presence.isFelt()).toBe(true)
    vi.advanceTimersByTime(60_000)
    expect(presence.isFelt()).toBe(false)
  }
})
