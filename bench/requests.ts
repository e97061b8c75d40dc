/** The requests of the loads, as bytes: who pays whom, and with which key. */
import { randomUUID } from 'node:crypto'
import { createPosts, getRequest } from './load.ts'
import type { SeededAccount, SeededBank } from './seed.ts'

export type NextRequest = (connection: number) => string

/** Idempotency keys that no other load has. */
function createKeys(): () => string {
  const run = randomUUID()
  let count = 0
  return () => {
    count += 1
    return `${run}-${count}`
  }
}

/** The POSTs to a path, by the token of who sends them. */
function postsTo(path: string): (token: string) => ReturnType<typeof createPosts> {
  const known = new Map<string, ReturnType<typeof createPosts>>()
  return (token) => {
    const posts = known.get(token) ?? createPosts(path, { authorization: `Bearer ${token}` })
    known.set(token, posts)
    return posts
  }
}

function pick<T>(items: readonly T[]): T {
  const item = items[Math.floor(Math.random() * items.length)]
  if (item === undefined) throw new Error('there is nothing to pick from')
  return item
}

function pickOther(accounts: readonly SeededAccount[], than: SeededAccount): SeededAccount {
  for (;;) {
    const account = pick(accounts)
    if (account !== than) return account
  }
}

/** Written out, since the load generator shares the cores with what it measures. */
function bodyOf(from: SeededAccount, to: SeededAccount): string {
  return `{"from_account_id":"${from.id}","to_account_id":"${to.id}","amount":1,"currency":"EUR"}`
}

type Pair = () => { from: SeededAccount; to: SeededAccount }

function transfers(nextPair: Pair): NextRequest {
  const nextKey = createKeys()
  const postsOf = postsTo('/v1/transfers')
  return () => {
    const { from, to } = nextPair()
    return postsOf(from.token)(nextKey(), bodyOf(from, to))
  }
}

export function randomTransfers({ accounts }: SeededBank): NextRequest {
  return transfers(() => {
    const from = pick(accounts)
    return { from, to: pickOther(accounts, from) }
  })
}

/** To and from the hot account, in turn. */
export function hotTransfers({ accounts, hot }: SeededBank): NextRequest {
  let isOut = false
  return transfers(() => {
    const other = pick(accounts)
    isOut = !isOut
    return isOut ? { from: hot, to: other } : { from: other, to: hot }
  })
}

/** From random accounts of one user each, to random accounts. */
export function bulks(bank: SeededBank, size: number): NextRequest {
  const byOwner = Map.groupBy(bank.accounts, ({ ownerId }) => ownerId)
  const nextKey = createKeys()
  // The keys are those of the header, so one body serves for all requests of a user.
  const senders = Array.from(byOwner.values(), (own) => {
    const list = Array.from({ length: size }, () => {
      const from = pick(own)
      return bodyOf(from, pickOther(bank.accounts, from))
    })
    return { token: own[0]?.token ?? '', body: `{"transfers":[${list.join(',')}]}` }
  })
  const postsOf = postsTo('/v1/transfers/bulk')
  return (connection) => {
    const sender = senders[connection % senders.length]
    if (!sender) throw new Error('there is no user to send a bulk')
    return postsOf(sender.token)(nextKey(), sender.body)
  }
}

/** Throws for a bulk whose transfers were not all posted; looks at each piece of its answer once. */
export function bulkCheck(size: number): {
  onPiece: (piece: Buffer, connection: number) => void
  onAnswer: (body: Buffer, connection: number) => void
} {
  const problem = Buffer.from('"problem":')
  const last = Buffer.from(`"index":${size - 1},`)
  const overlap = Math.max(problem.length, last.length) - 1
  /** The end of the piece before, in which a mark may have begun, and whether the last one was there. */
  const states = new Map<number, { end: Buffer; isWhole: boolean }>()
  return {
    onPiece(piece, connection) {
      const { end, isWhole } = states.get(connection) ?? { end: Buffer.alloc(0), isWhole: false }
      const seam = Buffer.concat([end, piece.subarray(0, overlap)])
      const has = (mark: Buffer) => piece.includes(mark) || seam.includes(mark)
      if (has(problem)) throw new Error('a transfer of a bulk was not posted')
      const next = Buffer.concat([end, piece.subarray(-overlap)]).subarray(-overlap)
      states.set(connection, { end: next, isWhole: isWhole || has(last) })
    },
    onAnswer(_, connection) {
      if (states.get(connection)?.isWhole !== true)
        throw new Error('a bulk has not all its outcomes')
      states.delete(connection)
    },
  }
}

/** A hold, and in the next request on the same connection its end; half the requests place one. */
export function holdsAndEnds(
  { accounts }: SeededBank,
  end: 'capture' | 'release',
): { nextRequest: NextRequest; onAnswer: (body: Buffer, connection: number) => void } {
  const nextKey = createKeys()
  const active = new Map<number, { id: string; token: string }>()
  const placing = new Map<number, string>()
  const placingOf = postsTo('/v1/holds')
  return {
    nextRequest(connection) {
      const hold = active.get(connection)
      if (hold) {
        active.delete(connection)
        const headers = { authorization: `Bearer ${hold.token}` }
        return createPosts(`/v1/holds/${hold.id}/${end}`, headers)(nextKey(), '{}')
      }
      const from = pick(accounts)
      placing.set(connection, from.token)
      const transfer = bodyOf(from, pickOther(accounts, from))
      return placingOf(from.token)(nextKey(), `${transfer.slice(0, -1)},"expires_in":3600}`)
    },
    onAnswer(body, connection) {
      const token = placing.get(connection)
      placing.delete(connection)
      const id = /"id":"(hold_\w+)"/.exec(body.toString('latin1'))?.[1]
      if (token !== undefined && id !== undefined) active.set(connection, { id, token })
    },
  }
}

function reads(nextPath: () => { path: string; token: string }): NextRequest {
  return () => {
    const { path, token } = nextPath()
    return getRequest(path, { authorization: `Bearer ${token}` })
  }
}

export function accountReads({ accounts }: SeededBank): NextRequest {
  return reads(() => {
    const { id, token } = pick(accounts)
    return { path: `/v1/accounts/${id}`, token }
  })
}

/** A page at either end of the longest history there is. */
export function entryReads({ hot }: SeededBank, order: 'asc' | 'desc'): NextRequest {
  const path = `/v1/accounts/${hot.id}/entries?order=${order}`
  return reads(() => ({ path, token: hot.token }))
}

/** What the hot account was at random moments between two. */
export function pastReads({ hot }: SeededBank, first: Date, last: Date): NextRequest {
  return reads(() => {
    const time = first.getTime() + Math.random() * (last.getTime() - first.getTime())
    const at = new Date(time).toISOString()
    return { path: `/v1/accounts/${hot.id}?at=${at}`, token: hot.token }
  })
}
