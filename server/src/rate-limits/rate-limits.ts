/**
 * The face of rate limits: how often strangers may try, and how often anybody may ask.
 *
 * - Tries (sign-up, login, password reset, second factor) are counted exactly, over all servers, by
 *   one statement each. A try that proves to be the owner's is given back: what counts is failures.
 * - Requests are counted by each server for itself, in memory.
 *
 * What is tried is named by whatever the client typed, so that a limit tells nothing about who is
 * a user.
 */
import { createHash } from 'node:crypto'
import type { Database } from '../database/database.ts'
import { createMemoryBuckets } from './memory-buckets.ts'
import type {
  Limit,
  LimitState,
  LimitVerdict,
  RateLimitPolicies,
  RequestClass,
  TryClass,
} from './policy.ts'
import { sourceOf } from './source.ts'
import { createRateLimitStore, type Bucket, type Taken } from './store.ts'

export type {
  Limit,
  LimitState,
  LimitVerdict,
  Rate,
  RateLimitPolicies,
  RequestClass,
  TryClass,
  TryLimits,
} from './policy.ts'

export interface TryKeys {
  /** The address it comes from. */
  source: string
  /** What it is tried on, in one canonical form: the username in lower case, an e-mail address. */
  account?: string | undefined
}

export interface Try {
  verdict: LimitVerdict
  /**
   * To be called when the try was the owner's own: it gives back what was taken, and the source is
   * one of the owner's from now on.
   */
  succeeded: () => Promise<void>
}

export interface RateLimits {
  /** Takes one from every limit of the class. */
  consume(name: TryClass, keys: TryKeys): Promise<Try>
  /** Takes one of the requests that `subject` (an address, a user, an API key) may make. */
  countRequest(name: RequestClass, subject: string): LimitVerdict
  /** Sweeps up now and then, until `stop`. */
  start(): void
  stop(): Promise<void>
}

export interface RateLimitsOptions {
  database: Pick<Database, 'transaction'>
  policies: RateLimitPolicies
  onError: (error: unknown) => void
}

const sweepMilliseconds = 10 * 60_000
const allowed: LimitVerdict = { isAllowed: true, state: undefined }
const unlimited: Try = { verdict: allowed, succeeded: async () => {} }

export function createRateLimits({ database, policies, onError }: RateLimitsOptions): RateLimits {
  const store = createRateLimitStore(database)
  const memory = createMemoryBuckets()
  let timer: NodeJS.Timeout | undefined
  let sweeping: Promise<void> = Promise.resolve()

  async function consume(name: TryClass, keys: TryKeys): Promise<Try> {
    const source = sourceOf(keys.source)
    const { account } = keys
    const limits = policies.tries[name]
    const pair = account === undefined ? undefined : hash([name, 'pair', source, account])
    // Whom a pair holds up takes nothing more from the source, which others may share, nor from the
    // account. All tries ask in this order, so that no two wait for each other.
    const buckets = [
      ...bucketOf(limits.pair, pair),
      ...bucketOf(limits.source, hash([name, 'source', source])),
      ...bucketOf(
        limits.account,
        account === undefined ? undefined : hash([name, 'account', account]),
      ),
    ]
    if (buckets.length === 0) return unlimited
    const known = account === undefined ? undefined : hash(['known', source, account])
    const exempt = account !== undefined && limits.account !== undefined ? known : undefined
    const taken = await store.take(buckets, exempt)
    return {
      verdict: verdictOf(name, buckets, taken),
      async succeeded() {
        const given = taken.flatMap(({ index }) => buckets[index] ?? [])
        await store.giveBack(
          given.map((bucket) => ({ ...bucket, isRefilled: bucket.key === pair })),
          known,
        )
      },
    }
  }

  function countRequest(name: RequestClass, subject: string): LimitVerdict {
    const rate = policies.requests[name]
    if (rate === undefined) return allowed
    const { isAllowed, waitMilliseconds, ...rest } = memory.take(`${name} ${subject}`, rate)
    const state: LimitState = { name, rate, ...rest }
    return isAllowed ? { isAllowed, state } : { isAllowed, state, waitMilliseconds }
  }

  return {
    consume,
    countRequest,
    start() {
      timer = setInterval(() => {
        sweeping = store.sweep().catch(onError)
      }, sweepMilliseconds)
      timer.unref()
    },
    async stop() {
      clearInterval(timer)
      await sweeping
    },
  }
}

function bucketOf(rate: Limit, key: Buffer | undefined): Bucket[] {
  return rate === undefined || key === undefined ? [] : [{ key, rate }]
}

function hash(parts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16)
}

/** Of what was asked: the one that refused, else the one with the least left. */
function verdictOf(
  name: TryClass,
  buckets: readonly Bucket[],
  taken: readonly Taken[],
): LimitVerdict {
  let verdict: LimitVerdict = allowed
  for (const { index, isAllowed, waitMilliseconds, remaining, fullMilliseconds } of taken) {
    const rate = buckets[index]?.rate
    if (rate === undefined) continue
    const state: LimitState = { name, rate, remaining, fullMilliseconds }
    if (!isAllowed) return { isAllowed, state, waitMilliseconds }
    if (verdict.state === undefined || remaining < verdict.state.remaining) {
      verdict = { isAllowed, state }
    }
  }
  return verdict
}
