/** Many transfers at once: every other one is paid into one hot account, or paid back from it. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Api } from '../tools/api.ts'
import type { Account } from './people.ts'
import { showProgress } from './print.ts'

export interface RushResult {
  posted: number
  refused: number
  /** 5xx or a cut line, asked again with the same key and still without an answer. */
  unknown: number
  milliseconds: number
  /** Of each request, from the first time it was asked to its answer; ascending. */
  latencies: number[]
}

export const rushInFlightMax = 128
const triesMax = 10
const pauseMilliseconds = 200
const progressStep = 50

export async function rush(
  api: Api,
  options: { count: number; accounts: readonly Account[]; hot: Account },
): Promise<RushResult> {
  const { accounts, hot, count } = options
  const result: RushResult = { posted: 0, refused: 0, unknown: 0, milliseconds: 0, latencies: [] }
  const run = randomUUID()
  const started = performance.now()
  let next = 0

  function member(index: number): Account {
    const account = accounts[index % accounts.length]
    if (!account) throw new Error('a rush needs accounts')
    return account
  }

  /** Of eight: three are paid into the hot account, one is paid back, four are between others. */
  function sides(index: number): [Account, Account] {
    const some = member(Math.floor(index / 2))
    if (index % 2) return [some, member(Math.floor(index / 2) + 1)]
    return index % 8 === 6 ? [hot, some] : [some, hot]
  }

  async function ask(index: number): Promise<'posted' | 'refused' | 'unknown'> {
    const [from, to] = sides(index)
    const amount = 1 + (index % 500)
    const request = {
      token: from.owner.token,
      idempotencyKey: `${run}-${index}`,
      body: { from_account_id: from.id, to_account_id: to.id, amount, currency: 'EUR' },
    }
    for (let tries = 1; tries <= triesMax; tries += 1) {
      const status = await api.send('POST', '/v1/transfers', request).then(
        (answer) => answer.status,
        () => 0,
      )
      if (status === 201) return 'posted'
      if (status >= 400 && status < 500) return 'refused'
      // The same key again: if the first one was posted after all, this only shows it.
      await sleep(pauseMilliseconds)
    }
    return 'unknown'
  }

  async function work(): Promise<void> {
    while (next < count) {
      const index = next
      next += 1
      const askedAt = performance.now()
      result[await ask(index)] += 1
      result.latencies.push(performance.now() - askedAt)
      const done = result.latencies.length
      if (done % progressStep === 0) showProgress(done, count)
    }
  }

  await Promise.all(Array.from({ length: rushInFlightMax }, work))
  showProgress(count, count)
  result.milliseconds = performance.now() - started
  result.latencies.sort((a, b) => a - b)
  return result
}
