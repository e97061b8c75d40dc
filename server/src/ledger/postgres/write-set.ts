/** A decision as the parameters of the statement that writes it: one array per column. */
import type { Statement } from '../../database/statement.ts'
import { encodeRefusal } from '../core/stored-refusal.ts'
import type { StaffEvent } from '../core/staff-event.ts'
import type { Decision, HoldChange, LockedAccount, NewKey } from '../core/types.ts'
import type { PostedTransfer } from '../engine.ts'
import {
  bigintArray,
  byteaArray,
  integerArray,
  nullableUuidArray,
  numericArray,
  textArray,
  uuidArray,
} from './encode.ts'
import { writeBatch, writeFullBatch } from './write-statements.ts'

/** What writes the decision, with its values in order. Keys go in by their hash, lowest first. */
export function writeSet(decision: Decision): { statement: Statement; values: Buffer[] } {
  const { accounts, transfers, keys, staffEvents, holds, isExpiryMoved } = decision
  const words = transfers.filter(hasWords)
  const links = transfers.filter(belongsToSomething)
  const sortedKeys = keys.toSorted(byKeyId)
  const values = [
    ...accountsValues(accounts),
    ...transfersValues(transfers),
    ...wordsValues(words),
    ...keysValues(sortedKeys),
  ]
  const counts = [accounts.length, transfers.length, words.length, keys.length]
  const isCounting = accounts.some(({ spending }) => spending !== null)
  const isBare = staffEvents.length === 0 && links.length === 0 && holds.length === 0
  if (isBare && !isCounting && !isExpiryMoved) {
    return { statement: writeBatch, values: [...values, integerArray(counts)] }
  }
  const placed = holds.filter(({ isNew }) => isNew)
  const resolved = holds.filter(({ isNew }) => !isNew)
  counts.push(staffEvents.length, links.length, placed.length, resolved.length)
  const fullValues = [
    integerArray(counts),
    ...eventsValues(staffEvents),
    bigintArray(accounts.map(({ holdExpiresAtMilliseconds: at }) => (at === Infinity ? 0 : at))),
    nullableUuidArray(sortedKeys.map((key) => key.holdId)),
    ...linksValues(links),
    ...placedValues(placed),
    ...resolvedValues(resolved),
    bigintArray(accounts.map(({ spending }) => spending?.sinceMilliseconds ?? 0)),
    numericArray(accounts.map(({ spending }) => spending?.spent ?? 0n)),
  ]
  return { statement: writeFullBatch, values: [...values, ...fullValues] }
}

/** True when the decision changes nothing: every instruction was answered from its key. */
export function isEmpty({ accounts, transfers, keys, holds }: Decision): boolean {
  return [accounts, transfers, keys, holds].every(({ length }) => length === 0)
}

function accountsValues(accounts: readonly LockedAccount[]): Buffer[] {
  return [
    uuidArray(accounts.map((account) => account.id)),
    numericArray(accounts.map((account) => account.ledgerBalance)),
    bigintArray(accounts.map((account) => account.held)),
    bigintArray(accounts.map((account) => account.version)),
    // An account without entries has no time of the last one, and keeps it.
    bigintArray(accounts.map((account) => Math.max(account.bookedAtMilliseconds, 0))),
  ]
}

function transfersValues(transfers: readonly PostedTransfer[]): Buffer[] {
  return [
    uuidArray(transfers.map((transfer) => transfer.id)),
    textArray(transfers.map((transfer) => transfer.kind)),
    uuidArray(transfers.map((transfer) => transfer.principalId)),
    uuidArray(transfers.map((transfer) => transfer.debitAccountId)),
    uuidArray(transfers.map((transfer) => transfer.creditAccountId)),
    bigintArray(transfers.map((transfer) => transfer.amount)),
    textArray(transfers.map((transfer) => transfer.currency)),
    bigintArray(transfers.map((transfer) => transfer.debitSeq)),
    bigintArray(transfers.map((transfer) => transfer.creditSeq)),
    numericArray(transfers.map((transfer) => transfer.debitBalanceAfter)),
    numericArray(transfers.map((transfer) => transfer.creditBalanceAfter)),
    bigintArray(transfers.map((transfer) => transfer.createdAt.getTime())),
  ]
}

function hasWords({ description, reference, metadata }: PostedTransfer): boolean {
  return description !== null || reference !== null || metadata !== null
}

function belongsToSomething({ reversesId, holdId, groupId }: PostedTransfer): boolean {
  return reversesId !== null || holdId !== null || groupId !== null
}

function wordsValues(words: readonly PostedTransfer[]): Buffer[] {
  return [
    uuidArray(words.map((transfer) => transfer.id)),
    uuidArray(words.map((transfer) => transfer.debitAccountId)),
    uuidArray(words.map((transfer) => transfer.creditAccountId)),
    textArray(words.map((transfer) => transfer.description)),
    textArray(words.map((transfer) => transfer.reference)),
    textArray(words.map(({ metadata }) => (metadata ? JSON.stringify(metadata) : null))),
  ]
}

function keysValues(keys: readonly NewKey[]): Buffer[] {
  return [
    uuidArray(keys.map((key) => key.keyId)),
    uuidArray(keys.map((key) => key.principalId)),
    textArray(keys.map((key) => key.key)),
    integerArray(keys.map((key) => key.index)),
    integerArray(keys.map((key) => key.format)),
    byteaArray(keys.map((key) => key.fields)),
    textArray(keys.map((key) => key.requestId)),
    nullableUuidArray(keys.map((key) => key.transferId)),
    nullableUuidArray(keys.map((key) => key.accountId)),
    textArray(keys.map(({ refusal }) => (refusal ? JSON.stringify(encodeRefusal(refusal)) : null))),
    bigintArray(keys.map((key) => key.createdAtMilliseconds)),
  ]
}

function eventsValues(events: readonly StaffEvent[]): Buffer[] {
  return [
    uuidArray(events.map((event) => event.id)),
    textArray(events.map((event) => event.kind)),
    uuidArray(events.map((event) => event.actorId)),
    nullableUuidArray(events.map((event) => event.accountId)),
    textArray(events.map((event) => JSON.stringify(event.facts))),
    textArray(events.map((event) => event.requestId)),
  ]
}

function linksValues(links: readonly PostedTransfer[]): Buffer[] {
  return [
    uuidArray(links.map((transfer) => transfer.id)),
    nullableUuidArray(links.map((transfer) => transfer.reversesId)),
    nullableUuidArray(links.map((transfer) => transfer.holdId)),
    nullableUuidArray(links.map((transfer) => transfer.groupId)),
  ]
}

function placedValues(placed: readonly HoldChange[]): Buffer[] {
  return [
    uuidArray(placed.map(({ hold }) => hold.id)),
    uuidArray(placed.map(({ hold }) => hold.principalId)),
    uuidArray(placed.map(({ hold }) => hold.debitAccountId)),
    uuidArray(placed.map(({ hold }) => hold.creditAccountId)),
    bigintArray(placed.map(({ hold }) => hold.amount)),
    textArray(placed.map(({ hold }) => hold.currency)),
    bigintArray(placed.map(({ hold }) => hold.expiresAt.getTime())),
    bigintArray(placed.map(({ hold }) => hold.createdAt.getTime())),
    textArray(placed.map(({ hold }) => hold.state)),
    bigintArray(placed.map(({ hold }) => hold.captured)),
    bigintArray(placed.map((change) => change.resolvedAtMilliseconds ?? 0)),
    nullableUuidArray(placed.map((change) => change.transferId)),
  ]
}

function resolvedValues(resolved: readonly HoldChange[]): Buffer[] {
  return [
    uuidArray(resolved.map(({ hold }) => hold.id)),
    textArray(resolved.map(({ hold }) => hold.state)),
    bigintArray(resolved.map(({ hold }) => hold.captured)),
    bigintArray(resolved.map((change) => change.resolvedAtMilliseconds ?? 0)),
    nullableUuidArray(resolved.map((change) => change.transferId)),
  ]
}

function byKeyId(a: NewKey, b: NewKey): number {
  return a.keyId < b.keyId ? -1 : 1
}
