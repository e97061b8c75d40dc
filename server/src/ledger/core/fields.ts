/**
 * The fields of an instruction in their canonical texts: what an idempotency key stands for.
 *
 * Two instructions mean the same exactly when all their texts are equal: defaults are applied, an
 * empty metadata is no metadata, and its pairs are sorted. A stored key holds one truncated HMAC per
 * field (`ledger/idempotency.ts`), so that a reused key can name the fields that differ while no word
 * of them is kept. Whatever changes a text here needs a new {@link fieldsFormat}.
 */
import { assert, unreachable } from '../../kernel/assert.ts'
import type { Instruction, OpenAccountInstruction, Party, Words } from '../engine.ts'
import type { InstructionField } from './refusals.ts'

/** The version of the canonical texts and of their order, stored with each key. */
export const fieldsFormat = 1

/**
 * The order of the fields in a key. Those that a bare transfer lacks come last and are cut off, so
 * that a field which is added at the end leaves the older keys as they are.
 */
export const fieldOrder = [
  'kind',
  'from_account_id',
  'to_account_id',
  'amount',
  'currency',
  'description',
  'reference',
  'metadata',
  'name',
  'hold_id',
  'transfer_id',
  'expires_in',
  'transfers',
] as const satisfies readonly InstructionField[]

/** Hexadecimal characters per field: 8 bytes, so that unequal fields look equal once in 2^64. */
export const fieldHexLength = 16

/** An absent field in a key. An HMAC that equals it by chance is as rare as any other collision. */
export const absentField = '0'.repeat(fieldHexLength)

/** The words of an instruction as they are stored and shown, the same for equal instructions. */
export function wordsOf(instruction: Words): Words {
  const pairs = sortedMetadata(instruction)
  return {
    description: instruction.description,
    reference: instruction.reference,
    metadata: pairs ? Object.fromEntries(pairs) : null,
  }
}

/**
 * The texts of an instruction in {@link fieldOrder}; `undefined` where it has none. In a group its
 * kind says so and the size of the group is a field, so that neither the instruction by itself nor a
 * larger or smaller group means the same.
 */
export function instructionFields(
  instruction: Instruction,
  groupSize?: number,
): (string | undefined)[] {
  const texts = aloneFields(instruction)
  if (groupSize === undefined) return texts
  const grouped = Array.from(fieldOrder, (_, place) => texts[place])
  grouped[fieldOrder.indexOf('kind')] = `${texts[0]}:group`
  grouped[fieldOrder.indexOf('transfers')] = String(groupSize)
  return grouped
}

function aloneFields(instruction: Instruction): (string | undefined)[] {
  const none = undefined
  // The authority belongs to what is asked: the same words mean another thing from staff.
  const kind = `${instruction.kind}:${instruction.authority}`
  switch (instruction.kind) {
    case 'transfer':
    case 'deposit':
    case 'withdrawal': {
      const { debit, credit, amount, currency } = instruction
      const parties = [partyText(debit), partyText(credit)]
      return [kind, ...parties, String(amount), currency, ...wordTexts(instruction)]
    }
    case 'hold': {
      const { debit, credit, amount, currency, expiresInSeconds } = instruction
      const reserved = [partyText(debit), partyText(credit), String(amount), currency]
      const others = [none, none, none, none, none, none]
      return [kind, ...reserved, ...others, String(expiresInSeconds)]
    }
    case 'capture':
    case 'reversal': {
      const isCapture = instruction.kind === 'capture'
      const amount = instruction.amount === null ? none : String(instruction.amount)
      const named = isCapture ? [instruction.holdId] : [none, instruction.transferId]
      return [kind, none, none, amount, none, ...wordTexts(instruction), none, ...named]
    }
    case 'release':
      return [kind, none, none, none, none, none, none, none, none, instruction.holdId]
    default:
      return unreachable(instruction)
  }
}

function wordTexts(words: Words): (string | undefined)[] {
  const pairs = sortedMetadata(words)
  return [
    words.description ?? undefined,
    words.reference ?? undefined,
    pairs ? JSON.stringify(pairs) : undefined,
  ]
}

/** The texts of the opening of an account in {@link fieldOrder}. */
export function openingFields(instruction: OpenAccountInstruction): (string | undefined)[] {
  const { currency, name } = instruction
  const none = undefined
  return ['account', none, none, none, currency, none, none, none, name ?? none]
}

/** The fields in which two keys of the same format differ, in {@link fieldOrder}. */
export function differingFields(a: string, b: string): InstructionField[] {
  assert(a.length % fieldHexLength === 0, 'the fields of a key have whole HMACs')
  assert(b.length % fieldHexLength === 0, 'the fields of a key have whole HMACs')
  return fieldOrder.filter((_, index) => fieldAt(a, index) !== fieldAt(b, index))
}

function fieldAt(fields: string, index: number): string {
  const start = index * fieldHexLength
  return start < fields.length ? fields.slice(start, start + fieldHexLength) : absentField
}

function partyText(party: Party): string {
  return 'accountId' in party ? `account:${party.accountId}` : `bank:${party.bankCode}`
}

function sortedMetadata({ metadata }: Pick<Words, 'metadata'>): [string, string][] | undefined {
  if (metadata === null) return undefined
  const pairs = Object.entries(metadata)
  if (pairs.length === 0) return undefined
  // By UTF-16 code units, which no locale and no version of ICU changes.
  return pairs.toSorted(([a], [b]) => (a < b ? -1 : 1))
}
