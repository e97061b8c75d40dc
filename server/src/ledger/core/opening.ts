/**
 * Rules about opening accounts: a customer's, with or without an idempotency key, and the bank's own.
 */
import { assert } from '../../kernel/assert.ts'
import type { CurrencyCode } from '../../kernel/currency.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { OpenAccountOutcome } from '../engine.ts'
import { emptyAccount } from './account.ts'
import { fieldsFormat } from './fields.ts'
import { fieldsThatDiffer } from './key.ts'
import type { Side } from './refusals.ts'
import type { LockedAccount, NewKey, OpeningDecision, OpeningInput, StoredKey } from './types.ts'

/**
 * Decides whether a customer's account is opened. Its facts are those of the moment: a replay gives
 * the name it was opened with, whatever it is called now.
 */
export function decideOpening(input: OpeningInput): OpeningDecision {
  const { instruction, storedKey, accountCount, nowMilliseconds } = input
  if (storedKey !== undefined) {
    return { outcome: replayOpening(storedKey, input), account: undefined, key: undefined }
  }
  const { requestId, accountsMax: limit } = instruction
  if (accountCount >= limit) {
    const refusal = { code: 'too_many_accounts', limit } as const
    return {
      outcome: { kind: 'refused', refusal, replayed: false, requestId },
      account: undefined,
      key: newOpeningKey(input, { accountId: null, refusal }),
    }
  }
  const account = openedAccount(input, input.accountId, nowMilliseconds)
  return {
    outcome: { kind: 'opened', account, replayed: false, requestId },
    account,
    key: newOpeningKey(input, { accountId: account.id, refusal: null }),
  }
}

function replayOpening(stored: StoredKey, input: OpeningInput): OpenAccountOutcome {
  const { instruction, keyed } = input
  const { ownerId: principalId, idempotencyKey } = instruction
  assert(keyed && idempotencyKey, 'only an instruction with a key has a stored one')
  const fields = fieldsThatDiffer(stored, { principalId, idempotencyKey }, keyed.fields)
  if (fields.length > 0) {
    return {
      kind: 'refused',
      refusal: { code: 'idempotency_key_reused', fields },
      replayed: false,
      requestId: instruction.requestId,
    }
  }
  const { outcome, requestId } = stored
  if (outcome.kind === 'opened') {
    const account = openedAccount(input, outcome.accountId, outcome.createdAtMilliseconds)
    return { kind: 'opened', account, replayed: true, requestId }
  }
  assert(outcome.kind === 'refused', 'a transfer differs from an opening by its kind')
  const { refusal } = outcome
  assert(refusal.code === 'too_many_accounts', 'an opening is never refused like a transfer')
  return { kind: 'refused', refusal, replayed: true, requestId }
}

function openedAccount({ instruction }: OpeningInput, id: string, createdAtMilliseconds: number) {
  const { ownerId, currency, name } = instruction
  return { id, ownerId, currency, name, createdAt: new Date(createdAtMilliseconds) }
}

function newOpeningKey(
  { instruction, keyed, nowMilliseconds }: OpeningInput,
  outcome: Pick<NewKey, 'accountId' | 'refusal'>,
): NewKey | undefined {
  const { ownerId, idempotencyKey, requestId } = instruction
  assert((keyed === undefined) === (idempotencyKey === null), 'a key comes with its identity')
  if (keyed === undefined || idempotencyKey === null) return undefined
  return {
    ...keyed,
    principalId: ownerId,
    key: idempotencyKey.key,
    index: idempotencyKey.index,
    format: fieldsFormat,
    requestId,
    transferId: null,
    holdId: null,
    ...outcome,
    createdAtMilliseconds: nowMilliseconds,
  }
}

/** A code of a bank account: `cash`, `fees` or `settlement:` and a name. */
export function isBankCode(code: string): boolean {
  return /^(?:cash|fees|settlement:[a-z0-9_-]{1,40})$/.test(code)
}

/**
 * The normal side of a bank account that is opened without one being named: what the bank has is
 * debit-normal, what it has earned credit-normal.
 */
export function bankNormalSide(code: string): Side {
  assert(isBankCode(code), 'a bank account has one of the known codes')
  return code === 'fees' ? 'credit' : 'debit'
}

/** What a dry run sees in place of a bank account that its instruction would have opened. */
export function virtualBankAccount(id: Uuid, code: string, currency: CurrencyCode): LockedAccount {
  return emptyAccount({ id, ownerId: null, currency, normalSide: bankNormalSide(code) })
}
