/** A decision as the parameters of the statement that writes it: one array per column. */
import type { Statement } from '../../database/statement.ts'
import { encodeRefusal } from '../core/stored-refusal.ts'
import type { StaffEvent } from '../core/staff-event.ts'
import type { Decision, NewKey } from '../core/types.ts'
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
import { writeBatch, writeStaffBatch } from './write-statements.ts'

/** What writes the decision, with its values in order. Keys go in by their hash, lowest first. */
export function writeSet({ accounts, transfers, keys, staffEvents }: Decision): {
  statement: Statement
  values: Buffer[]
} {
  const words = transfers.filter(hasWords)
  const sortedKeys = keys.toSorted(byKeyId)
  const values = [
    uuidArray(accounts.map((account) => account.id)),
    numericArray(accounts.map((account) => account.ledgerBalance)),
    bigintArray(accounts.map((account) => account.held)),
    bigintArray(accounts.map((account) => account.version)),
    bigintArray(accounts.map((account) => account.bookedAtMilliseconds)),
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
    ...wordsValues(words),
    ...keysValues(sortedKeys),
  ]
  const counts = [accounts.length, transfers.length, words.length, keys.length]
  if (staffEvents.length === 0) {
    return { statement: writeBatch, values: [...values, integerArray(counts)] }
  }
  const staffValues = [integerArray([...counts, staffEvents.length]), ...eventsValues(staffEvents)]
  return { statement: writeStaffBatch, values: [...values, ...staffValues] }
}

/** True when the decision changes nothing: every instruction was answered from its key. */
export function isEmpty({ accounts, transfers, keys }: Decision): boolean {
  return accounts.length === 0 && transfers.length === 0 && keys.length === 0
}

function hasWords({ description, reference, metadata }: PostedTransfer): boolean {
  return description !== null || reference !== null || metadata !== null
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

function byKeyId(a: NewKey, b: NewKey): number {
  return a.keyId < b.keyId ? -1 : 1
}
