/** The words of a request to move money: checked as text, and as the ledger takes them. */
import { problem, type ProblemDetail } from '../http/problem.ts'
import { requireCleanText } from '../http/text.ts'
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
export function wordsOf({
  description,
  reference,
  metadata = {},
}: RequestWords): Pick<TransferInstruction, 'description' | 'reference' | 'metadata'> {
  requireCleanText(
    { pointer: '/description', value: description, codePointsMax: descriptionCodePointsMax },
    { pointer: '/reference', value: reference, codePointsMax: referenceCodePointsMax },
  )
  const errors = Object.entries(metadata).flatMap(([key, value]) => pairErrors(key, value))
  if (errors.length > 0) throw problem('validation_failed', { errors })
  return {
    description: description ?? null,
    reference: reference ?? null,
    metadata: Object.keys(metadata).length > 0 ? metadata : null,
  }
}

function pairErrors(key: string, value: string): ProblemDetail[] {
  // A key that is no clean text is not repeated to the client.
  if (!isCleanText(key, metadataKeyCodePointsMax)) {
    const detail = `every key must be 1 to ${metadataKeyCodePointsMax} characters in Unicode NFC, not only blanks, without control or direction characters`
    return [{ pointer: '/metadata', code: 'text', detail }]
  }
  if (value === '' || isCleanText(value, metadataValueCodePointsMax)) return []
  const pointer = `/metadata/${escapePointer(key)}`
  const detail = `must be at most ${metadataValueCodePointsMax} characters in Unicode NFC, not only blanks, without control or direction characters`
  return [{ pointer, code: 'text', detail }]
}
