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
  TryLimits,
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

export interface RateLimits {
  /** Takes one from every limit of the class, up to the first that is used up. */
  consume: (name: TryClass, keys: TryKeys) => Promise<LimitVerdict>
  /**
   * To be told when a try was the owner's own: gives back what `consume` took, and the source is one
   * of the owner's from now on.
   */
  succeed: (name: TryClass, keys: TryKeys) => Promise<void>
  /** Takes one of the requests that `subject` (an address, a user, an API key) may make. */
  countRequest: (name: RequestClass, subject: string) => LimitVerdict
  /** Sweeps up now and then, until `stop`. */
  start(): void
  stop(): Promise<void>
}

export interface RateLimitsOptions {
  database: Pick<Database, 'transaction'>
  policies: RateLimitPolicies
  onError: (error: unknown) => void
}

/** What these count by is an address. */
const ofAddress: ReadonlySet<RequestClass> = new Set(['public', 'bad_token'])
const sweepMilliseconds = 10 * 60_000
const allowed: LimitVerdict = { isAllowed: true, state: undefined }

export function createRateLimits({ database, policies, onError }: RateLimitsOptions): RateLimits {
  const store = createRateLimitStore(database)
  const memory = createMemoryBuckets()
  let timer: NodeJS.Timeout | undefined
  let sweeping: Promise<void> = Promise.resolve()

  async function consume(name: TryClass, keys: TryKeys): Promise<LimitVerdict> {
    const { buckets, exempt } = bucketsOf(policies.tries[name], name, keys)
    if (buckets.length === 0) return allowed
    return verdictOf(name, buckets, await store.take(buckets, exempt))
  }

  async function succeed(name: TryClass, keys: TryKeys): Promise<void> {
    const { buckets, exempt, pair } = bucketsOf(policies.tries[name], name, keys)
    if (buckets.length === 0) return
    const given = buckets.map((bucket) => ({ ...bucket, isRefilled: bucket.key === pair }))
    await store.giveBack(given, exempt)
  }

  function countRequest(name: RequestClass, subject: string): LimitVerdict {
    const rate = policies.requests[name]
    if (rate === undefined) return allowed
    const key = ofAddress.has(name) ? sourceOf(subject) : subject
    const { isAllowed, waitMilliseconds, ...rest } = memory.take(`${name} ${key}`, rate)
    const state: LimitState = { name, rate, ...rest }
    return isAllowed ? { isAllowed, state } : { isAllowed, state, waitMilliseconds }
  }

  return {
    consume,
    succeed,
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

interface Buckets {
  buckets: Bucket[]
  /** What stands for a source of the owner's: it leaves the last bucket, the account's, alone. */
  exempt: Buffer | undefined
  pair: Buffer | undefined
}

/**
 * Whom the pair holds up takes nothing more from the source, which others may share, nor from the
 * account. All tries ask in this order, so that no two wait for each other.
 */
function bucketsOf(limits: TryLimits, name: TryClass, keys: TryKeys): Buckets {
  const source = sourceOf(keys.source)
  const ofSource = bucketOf(limits.source, hash([name, 'source', source]))
  const { account } = keys
  if (account === undefined) return { buckets: ofSource, exempt: undefined, pair: undefined }
  const pair = hash([name, 'pair', source, account])
  return {
    buckets: [
      ...bucketOf(limits.pair, pair),
      ...ofSource,
      ...bucketOf(limits.account, hash([name, 'account', account])),
    ],
    exempt: limits.account && hash([name, 'known', source, account]),
    pair,
  }
}

function bucketOf(rate: Limit, key: Buffer): Bucket[] {
  return rate === undefined ? [] : [{ key, rate }]
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
