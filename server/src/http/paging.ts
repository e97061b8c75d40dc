/**
 * Pages of a list: `limit` and an opaque `cursor` that continues after the last thing of the page
 * before (keyset), so that what is added meanwhile neither repeats nor skips anything.
 *
 * A cursor is bound to its list, its user and its filters by a checksum. That is no secret: who
 * forges one only moves about in a list that they may read anyway, since every list is read on the
 * caller's behalf. It keeps a cursor of one list from being taken for a position in another.
 */
import { createHash } from 'node:crypto'
import type { Uuid } from '../kernel/ids.ts'
import { problem } from './problem.ts'

export interface PageScope {
  /** The name of the list, and its filters where it has some: `entries:<account id>`. */
  list: string
  userId: Uuid
}

export interface Page {
  limit: number
  /** The position after which the page begins, as given to {@link encodeCursor}. */
  after: string | undefined
}

export const pageLimitDefault = 20

/** Reads `limit` and `cursor` of a validated query; throws `invalid_cursor`. */
export function parsePage(query: { limit?: number; cursor?: string }, scope: PageScope): Page {
  const limit = query.limit ?? pageLimitDefault
  if (query.cursor === undefined) return { limit, after: undefined }
  const after = decodeCursor(query.cursor, scope)
  if (after === undefined) throw problem('invalid_cursor')
  return { limit, after }
}

/** The cursor that continues after `position` (an id or a seq, as text). */
export function encodeCursor(position: string, scope: PageScope): string {
  return Buffer.concat([checksum(position, scope), Buffer.from(position)]).toString('base64url')
}

function decodeCursor(cursor: string, scope: PageScope): string | undefined {
  const bytes = Buffer.from(cursor, 'base64url')
  const position = bytes.toString('utf8', checksumBytes)
  // Comparing whole texts also refuses the non-canonical spellings that Node's decoder accepts.
  return encodeCursor(position, scope) === cursor ? position : undefined
}

const checksumBytes = 9

function checksum(position: string, { list, userId }: PageScope): Buffer {
  const text = JSON.stringify(['cursor 1', list, userId, position])
  return createHash('sha256').update(text).digest().subarray(0, checksumBytes)
}
