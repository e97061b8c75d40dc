/** The answer of a list: a page, and where the next one begins. */
import { encodeCursor, type PageScope } from './paging.ts'
import { problem } from './problem.ts'

export interface ListOptions<Row, Item> {
  /** One row more than `limit` was asked for: whether it came tells whether there is a next page. */
  rows: readonly Row[]
  limit: number
  scope: PageScope
  /** The row's place in the list, as the cursor will give it back. */
  position: (row: Row) => string
  render: (row: Row) => Item
}

export function toList<Row, Item>({
  rows,
  limit,
  scope,
  position,
  render,
}: ListOptions<Row, Item>): {
  data: Item[]
  next_cursor: string | null
} {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    data: page.map(render),
    next_cursor: rows.length > limit && last ? encodeCursor(position(last), scope) : null,
  }
}

/** Reads a position that is a seq. A cursor is no secret, so what it says is checked like any input. */
export function seqPosition(after: string | undefined): number | undefined {
  if (after === undefined) return undefined
  const seq = /^\d{1,16}$/.test(after) ? Number(after) : Number.NaN
  if (!Number.isSafeInteger(seq)) throw problem('invalid_cursor')
  return seq
}
