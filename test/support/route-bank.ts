/**
 * What route tests of money start from: the memory ledger on a fixed clock, two customers, one of
 * each kind of staff, and quick ways to open accounts and put money on them.
 */
import { createUuidSource, encodeId, type Uuid } from '../../server/src/kernel/ids.ts'
import type { Role } from '../../server/src/http/route.ts'
import type { CurrencyCode } from '../../server/src/kernel/currency.ts'
import type { Minor } from '../../server/src/kernel/money.ts'
import {
  createMemoryLedger,
  type MemoryLedger,
  type MemoryLedgerOptions,
} from '../../server/src/ledger/memory/memory-ledger.ts'
import type { LedgerEngine } from '../../server/src/ledger/ledger.ts'

export const testCurrencies = [
  { code: 'EUR', exponent: 2, name: 'Euro' },
  { code: 'KRW', exponent: 0, name: 'Won' },
]

export interface RouteBank {
  ledger: MemoryLedger
  alice: Uuid
  bob: Uuid
  teller: Uuid
  auditor: Uuid
  admin: Uuid
  /** For `buildTestApp({ roles })`. */
  roles: Record<Uuid, ('teller' | 'auditor' | 'admin')[]>
  newUuid: () => Uuid
  /** Opens an account, with that much on it; returns its UUID. */
  open(ownerId: Uuid, currency?: CurrencyCode, balance?: Minor): Promise<Uuid>
}

export function createRouteBank(options: MemoryLedgerOptions = {}): RouteBank {
  const newUuid = createUuidSource()
  const clock = { now: () => new Date('2026-01-15T09:30:00.000Z') }
  const ledger = createMemoryLedger({ clock, ...options })
  const teller = newUuid()
  const auditor = newUuid()
  const admin = newUuid()

  async function open(ownerId: Uuid, currency = 'EUR', balance = 0): Promise<Uuid> {
    const outcome = await ledger.openAccount({
      ownerId,
      currency,
      name: null,
      accountsMax: 100,
      requestId: 'arrange',
      idempotencyKey: null,
    })
    if (outcome.kind !== 'opened') throw new Error('the account was not opened')
    if (balance > 0) {
      await ledger.post({
        kind: 'deposit',
        principalId: teller,
        authority: 'staff',
        idempotencyKey: { key: newUuid(), index: 0 },
        requestId: 'arrange',
        debit: { bankCode: 'cash' },
        credit: { accountId: outcome.account.id },
        amount: balance,
        currency,
        description: null,
        reference: null,
        metadata: null,
      })
    }
    return outcome.account.id
  }

  return {
    ledger,
    alice: newUuid(),
    bob: newUuid(),
    teller,
    auditor,
    admin,
    roles: { [teller]: ['teller'], [auditor]: ['auditor'], [admin]: ['admin'] },
    newUuid,
    open,
  }
}

/**
 * The ledger that is the present one at each call, and the roles likewise: so that one app, which
 * takes tens of milliseconds to build, serves all tests of a file.
 */
export function presentBank(bank: () => RouteBank): {
  ledger: LedgerEngine
  rolesOf: (userId: Uuid) => Promise<Role[]>
} {
  return {
    ledger: {
      post: async (...order) => bank().ledger.post(...order),
      postGroup: async (...order) => bank().ledger.postGroup(...order),
      hold: async (...order) => bank().ledger.hold(...order),
      expireHolds: async (accountIds) => bank().ledger.expireHolds(accountIds),
      openAccount: async (order) => bank().ledger.openAccount(order),
      changeAccount: async (order) => bank().ledger.changeAccount(order),
      openBankAccount: async (...order) => bank().ledger.openBankAccount(...order),
      account: async (id) => bank().ledger.account(id),
      stop: async () => bank().ledger.stop(),
    },
    rolesOf: async (userId) => ['customer', ...(bank().roles[userId] ?? [])],
  }
}

/** An engine of which the named calls fail with that error. */
export function failingLedger(ledger: LedgerEngine, error: Error): LedgerEngine {
  const fail = async (): Promise<never> => {
    throw error
  }
  const money = { post: fail, postGroup: fail, hold: fail, expireHolds: fail }
  const accounts = { openAccount: fail, openBankAccount: fail, changeAccount: fail, account: fail }
  return { ...ledger, ...money, ...accounts }
}

export const acct = (uuid: Uuid): string => encodeId('acct', uuid)
