/** What the tests of the export share: the command on a real bank with hostile words. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { cash, createStoreBank, type StoreBank } from '../../../test/support/store-bank.ts'
import { runCommand } from '../../../tools/command.ts'
import type { Uuid } from '../kernel/ids.ts'
import { MINOR_MAX } from '../kernel/money.ts'
import { auditLedger, type Party } from '../ledger/ledger.ts'

/** Currencies with 0, 2, 3 and 4 decimals. */
export const currencies = ['KRW', 'EUR', 'KWD', 'CLF']

export const hostileWords = [
  'a; b ;; c',
  'a, b:c, date:2026-99-99',
  'date2:2026-99-99',
  '[2026-99-99] [=2026-13-01]',
  '(code) ! * pending',
  '! *',
  '| payee | note',
  '"double" \'single\' `back`',
  '= EUR 5 == EUR 6 @@ EUR 7 {EUR 8}',
  'bank:cash:EUR  EUR 100',
  'include /etc/passwd',
  'end comment',
  '~ monthly',
  '=1+1',
  '日本語 العربية 🎉 é',
  '\\n \\ % $ #',
  'ends with a backslash \\',
  '𝔘𝔫𝔦'.repeat(16),
]

/** Registers the hooks of a test file: one bank and one folder for all of it, whose book is right. */
export function useExportWorld() {
  let bank: StoreBank
  let folder: string
  let settings: Record<string, string>
  let transferCount = 0

  beforeAll(async () => {
    bank = await createStoreBank()
    folder = await mkdtemp(join(tmpdir(), 'tallystick-export-'))
    settings = { DATABASE_URL: bank.url, APP_ENV_FILE: '/dev/null' }
    await Promise.all(currencies.map(playStory))
    const { rows } = await bank.owner.query<{ count: string }>('select count(*) from transfer')
    transferCount = Number(rows[0]?.count)
  })

  afterAll(async () => {
    expect((await auditLedger({ url: bank.url })).findings).toEqual([])
    await bank.close()
    await rm(folder, { recursive: true })
  })

  /** Two customers in one currency, the largest amount there is, fees, and words of all kinds. */
  async function playStory(currency: string): Promise<void> {
    const [ada, ben] = [bank.newUuid(), bank.newUuid()]
    const [from, to] = [await bank.open(ada, currency), await bank.open(ben, currency)]
    await bank.open(ben, currency, 'never used')
    const post = (order: Partial<Parameters<StoreBank['post']>[0]>) =>
      bank.post({ debit: { accountId: from }, credit: { accountId: to }, currency, ...order })
    await post({ debit: cash, credit: { accountId: from }, amount: MINOR_MAX - 1000 })
    await post({ debit: cash, credit: { accountId: to }, amount: MINOR_MAX - 1000 })
    await post({ kind: 'withdrawal', credit: { bankCode: 'fees' }, amount: 1 })
    await post({ kind: 'withdrawal', credit: { bankCode: 'settlement:ach_1' }, amount: 12_345 })
    await Promise.all(
      hostileWords.map((words, index) =>
        post({
          principalId: ada,
          amount: 1 + index,
          description: words,
          reference: Array.from(words).slice(0, 64).join(''),
          metadata: { date: words, [Array.from(words).slice(0, 40).join('')]: words, empty: '' },
        }),
      ),
    )
    await captureAndReverse(ada, { accountId: from }, { accountId: to }, currency)
  }

  /** A hold, a part of it captured, and a part of that reversed by who received it. */
  async function captureAndReverse(
    principalId: Uuid,
    debit: Party,
    credit: Party,
    currency: string,
  ): Promise<void> {
    const asked = () => ({
      principalId,
      authority: 'owner' as const,
      idempotencyKey: { key: bank.newUuid(), index: 0 },
      requestId: 'arrange',
    })
    const words = { description: 'a part', reference: null, metadata: null }
    const order = { debit, credit, amount: 900, currency, expiresInSeconds: 600 }
    const held = await bank.ledger.hold({ ...asked(), ...order, kind: 'hold' })
    if (held.kind !== 'held') throw new Error(held.refusal.code)
    const holdId = held.hold.id
    const capture = { ...asked(), ...words, kind: 'capture', holdId, amount: 700 } as const
    const captured = await bank.ledger.post(capture)
    if (captured.kind !== 'posted') throw new Error(captured.refusal.code)
    const transferId = captured.transfer.id
    const staff = { ...asked(), principalId: bank.newUuid(), authority: 'staff' as const }
    const reversal = { ...staff, ...words, kind: 'reversal', transferId, amount: 300 } as const
    const reversed = await bank.ledger.post(reversal)
    if (reversed.kind !== 'posted') throw new Error(reversed.refusal.code)
  }

  function exportAs(format: string, ...more: string[]): Promise<string> {
    return runCommand(['export', '--format', format, ...more], { settings })
  }

  return {
    /** From `beforeAll` on. */
    world: () => ({ bank, folder, settings, transferCount }),
    exportAs,
  }
}
