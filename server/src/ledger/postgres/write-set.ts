/** A decision as the parameters of `writeBatch`: one array per column. */
import { encodeRefusal } from '../core/stored-refusal.ts'
import type { Decision, NewKey } from '../core/types.ts'
import type { PostedTransfer } from '../engine.ts'
import { plainArray, textArray } from './encode.ts'

/** The values of `writeBatch`, in its order. Keys go in by their hash, lowest first. */
export function writeSetValues({ accounts, transfers, keys }: Decision): (string | null)[] {
  const words = transfers.filter(hasWords)
  const sortedKeys = keys.toSorted(byKeyId)
  return [
    plainArray(accounts.map((account) => account.id)),
    plainArray(accounts.map((account) => account.ledgerBalance)),
    plainArray(accounts.map((account) => account.held)),
    plainArray(accounts.map((account) => account.version)),
    plainArray(accounts.map((account) => account.bookedAtMilliseconds)),
    plainArray(transfers.map((transfer) => transfer.id)),
    textArray(transfers.map((transfer) => transfer.kind)),
    plainArray(transfers.map((transfer) => transfer.principalId)),
    plainArray(transfers.map((transfer) => transfer.debitAccountId)),
    plainArray(transfers.map((transfer) => transfer.creditAccountId)),
    plainArray(transfers.map((transfer) => transfer.amount)),
    textArray(transfers.map((transfer) => transfer.currency)),
    plainArray(transfers.map((transfer) => transfer.debitSeq)),
    plainArray(transfers.map((transfer) => transfer.creditSeq)),
    plainArray(transfers.map((transfer) => transfer.debitBalanceAfter)),
    plainArray(transfers.map((transfer) => transfer.creditBalanceAfter)),
    plainArray(transfers.map((transfer) => transfer.createdAt.getTime())),
    ...wordsValues(words),
    ...keysValues(sortedKeys),
    plainArray([accounts.length, transfers.length, words.length, keys.length]),
  ]
}

/** True when the decision changes nothing: every instruction was answered from its key. */
export function isEmpty({ accounts, transfers, keys }: Decision): boolean {
  return accounts.length === 0 && transfers.length === 0 && keys.length === 0
}

function hasWords({ description, reference, metadata }: PostedTransfer): boolean {
  return description !== null || reference !== null || metadata !== null
}

function wordsValues(words: readonly PostedTransfer[]): string[] {
  return [
    plainArray(words.map((transfer) => transfer.id)),
    plainArray(words.map((transfer) => transfer.debitAccountId)),
    plainArray(words.map((transfer) => transfer.creditAccountId)),
    textArray(words.map((transfer) => transfer.description)),
    textArray(words.map((transfer) => transfer.reference)),
    textArray(words.map(({ metadata }) => (metadata ? JSON.stringify(metadata) : null))),
  ]
}

function keysValues(keys: readonly NewKey[]): string[] {
  return [
    plainArray(keys.map((key) => key.keyId)),
    plainArray(keys.map((key) => key.principalId)),
    textArray(keys.map((key) => key.key)),
    plainArray(keys.map((key) => key.index)),
    plainArray(keys.map((key) => key.format)),
    plainArray(keys.map((key) => key.fields)),
    textArray(keys.map((key) => key.requestId)),
    plainArray(keys.map((key) => key.transferId ?? 'NULL')),
    plainArray(keys.map((key) => key.accountId ?? 'NULL')),
    textArray(keys.map(({ refusal }) => (refusal ? JSON.stringify(encodeRefusal(refusal)) : null))),
    plainArray(keys.map((key) => key.createdAtMilliseconds)),
  ]
}

function byKeyId(a: NewKey, b: NewKey): number {
  return a.keyId < b.keyId ? -1 : 1
}
