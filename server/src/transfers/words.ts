/** The words of a request to move money: checked as text, and as the ledger takes them. */
import { problem, type ProblemDetail } from '../http/problem.ts'
import { findUncleanText } from '../http/text.ts'
import { escapePointer } from '../http/validation.ts'
import { isCleanText } from '../kernel/text.ts'
import type { TransferInstruction } from '../ledger/ledger.ts'
import {
  descriptionCodePointsMax,
  metadataKeyCodePointsMax,
  metadataValueCodePointsMax,
  referenceCodePointsMax,
} from './schema.ts'

export interface RequestWords {
  description?: string
  reference?: string
  metadata?: Record<string, string>
}

/** Throws `validation_failed` for text that is not clean. No metadata and `{}` are the same. */
export function wordsOf(
  words: RequestWords,
): Pick<TransferInstruction, 'description' | 'reference' | 'metadata'> {
  const errors = findUncleanWords(words)
  if (errors.length > 0) throw problem('validation_failed', { errors })
  const { description, reference, metadata = {} } = words
  return {
    description: description ?? null,
    reference: reference ?? null,
    metadata: Object.keys(metadata).length > 0 ? metadata : null,
  }
}

/** What is not clean; `pointer` is to the object that the words are members of. */
export function findUncleanWords(
  { description, reference, metadata = {} }: RequestWords,
  pointer = '',
): ProblemDetail[] {
  const errors = findUncleanText(
    {
      pointer: `${pointer}/description`,
      value: description,
      codePointsMax: descriptionCodePointsMax,
    },
    { pointer: `${pointer}/reference`, value: reference, codePointsMax: referenceCodePointsMax },
  )
  for (const [key, value] of Object.entries(metadata)) {
    errors.push(...pairErrors(`${pointer}/metadata`, key, value))
  }
  return errors
}

function pairErrors(metadata: string, key: string, value: string): ProblemDetail[] {
  // A key that is no clean text is not repeated to the client.
  if (!isCleanText(key, metadataKeyCodePointsMax)) {
    const detail = `every key must be 1 to ${metadataKeyCodePointsMax} characters in Unicode NFC, not only blanks, without control or direction characters`
    return [{ pointer: metadata, code: 'text', detail }]
  }
  if (value === '' || isCleanText(value, metadataValueCodePointsMax)) return []
  const pointer = `${metadata}/${escapePointer(key)}`
  const detail = `must be at most ${metadataValueCodePointsMax} characters in Unicode NFC, not only blanks, without control or direction characters`
  return [{ pointer, code: 'text', detail }]
}
