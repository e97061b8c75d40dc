/** Rows of the ledger's statements, from the text that PostgreSQL sends to what the core works on. */
import { assert, present } from '../../kernel/assert.ts'
import { toBigInt, toSafeInteger } from '../../database/convert.ts'
import type { AccountState, Hold, HoldState, TransferKind } from '../engine.ts'
import type { Side } from '../core/refusals.ts'
import { decodeRefusal } from '../core/stored-refusal.ts'
import type { LockedAccount, Original, PostedFacts, StoredKey } from '../core/types.ts'

export type Row = readonly (string | null)[]

/** A row of `lockAccounts`. */
export function readLockedAccount(row: Row): LockedAccount {
  const holdExpiresAt = row[10]
  return {
    id: text(row, 0),
    ownerId: row[1] ?? null,
    currency: text(row, 2),
    normalSide: side(text(row, 3)),
    status: status(text(row, 4)),
    overdraftLimit: integer(row, 5),
    transferLimit: integerIfAny(row, 11),
    dailyLimit: integerIfAny(row, 12),
    ledgerBalance: toBigInt(text(row, 6)),
    held: integer(row, 7),
    version: integer(row, 8),
    bookedAtMilliseconds: Number(text(row, 9)),
    holdExpiresAtMilliseconds: typeof holdExpiresAt === 'string' ? Number(holdExpiresAt) : Infinity,
    spending: readSpending(row),
  }
}

function readSpending(row: Row): LockedAccount['spending'] {
  const sinceMilliseconds = integerIfAny(row, 13)
  if (sinceMilliseconds === null) return null
  return { sinceMilliseconds, spent: toBigInt(text(row, 14)) }
}

/** A row of `readKeys` that has a key. */
export function readStoredKey(row: Row): StoredKey {
  return {
    keyId: text(row, 1),
    principalId: text(row, 2),
    key: text(row, 3),
    index: integer(row, 4),
    format: integer(row, 5),
    fields: text(row, 6),
    requestId: text(row, 7),
    outcome: readOutcome(row),
  }
}

function readOutcome(row: Row): StoredKey['outcome'] {
  const [accountId, refusal] = [row[8], row[9]]
  if (refusal) return { kind: 'refused', refusal: decodeRefusal(JSON.parse(refusal)) }
  if (accountId) return { kind: 'opened', accountId, createdAtMilliseconds: integer(row, 10) }
  if (row[25]) return { kind: 'held', hold: readHold(row, 25) }
  return { kind: 'posted', transfer: readPostedFacts(row) }
}

/** The words have their place in it, so that a replay has its members in the order of the first. */
function readPostedFacts(row: Row): PostedFacts {
  const facts = {
    id: text(row, 11),
    kind: transferKind(text(row, 12)),
    principalId: text(row, 2),
    debitAccountId: text(row, 13),
    creditAccountId: text(row, 14),
    amount: integer(row, 15),
    currency: text(row, 16),
    description: null,
    reference: null,
    metadata: null,
    debitSeq: integer(row, 17),
    creditSeq: integer(row, 18),
    debitBalanceAfter: toBigInt(text(row, 19)),
    creditBalanceAfter: toBigInt(text(row, 20)),
    reversesId: row[22] ?? null,
    holdId: row[23] ?? null,
    groupId: row[24] ?? null,
    createdAt: new Date(integer(row, 21)),
  }
  return facts
}

/** The ten columns of a hold that begin at a place. */
export function readHold(row: Row, start: number): Hold {
  return {
    id: text(row, start),
    principalId: text(row, start + 1),
    debitAccountId: text(row, start + 2),
    creditAccountId: text(row, start + 3),
    amount: integer(row, start + 4),
    captured: integer(row, start + 5),
    currency: text(row, start + 6),
    state: holdState(text(row, start + 7)),
    expiresAt: new Date(integer(row, start + 8)),
    createdAt: new Date(integer(row, start + 9)),
  }
}

/** A row of `readOriginals`. */
export function readOriginal(row: Row): Original {
  const transfer = {
    id: text(row, 0),
    kind: transferKind(text(row, 1)),
    debitAccountId: text(row, 2),
    creditAccountId: text(row, 3),
    amount: integer(row, 4),
    currency: text(row, 5),
  }
  return { transfer, reversed: integer(row, 6) }
}

export function text(row: Row, place: number): string {
  return present(row[place], `column ${place}`)
}

export function integer(row: Row, place: number): number {
  return toSafeInteger(text(row, place))
}

function integerIfAny(row: Row, place: number): number | null {
  return typeof row[place] === 'string' ? integer(row, place) : null
}

export function side(value: string): Side {
  assert(value === 'debit' || value === 'credit', 'a stored side is debit or credit')
  return value
}

export function status(value: string): AccountState['status'] {
  assert(value === 'open' || value === 'frozen' || value === 'closed', 'a stored status is known')
  return value
}

const transferKinds: readonly TransferKind[] = [
  'transfer',
  'deposit',
  'withdrawal',
  'capture',
  'reversal',
]

export function transferKind(value: string): TransferKind {
  const kind = transferKinds.find((known) => known === value)
  return present(kind, 'a stored kind of transfer is known')
}

export function holdState(value: string): HoldState {
  const states = ['active', 'captured', 'released', 'expired'] as const
  const state = states.find((known) => known === value)
  return present(state, 'a stored state of a hold is known')
}
