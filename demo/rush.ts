/** Many transfers at once, with progress: every other one touches one hot account. */
import { randomUUID } from 'node:crypto'
import type { Api } from '../tools/api.ts'

export interface RushAccount {
  id: string
  token: string
}

export interface RushResult {
  posted: number
  refused: number
  /** 5xx or a cut line, asked again with the same key and still without an answer. */
  unknown: number
  milliseconds: number
}

const inFlightMax = 128
const triesMax = 5

export async function rush(
  api: Api,
  options: { count: number; accounts: readonly RushAccount[]; hot: RushAccount },
): Promise<RushResult> {
  const { accounts, hot, count } = options
  const result: RushResult = { posted: 0, refused: 0, unknown: 0, milliseconds: 0 }
  const run = randomUUID()
  const started = performance.now()
  let next = 0

  function member(index: number): RushAccount {
    const account = accounts[index % accounts.length]
    if (!account) throw new Error('a rush needs accounts')
    return account
  }

  async function transferOne(index: number): Promise<void> {
    const some = member(index)
    const other = index % 2 ? hot : member(index + 1)
    const [from, to] = index % 4 < 2 ? [some, other] : [other, some]
    const request = {
      token: from.token,
      idempotencyKey: `${run}-${index}`,
      body: {
        from_account_id: from.id,
        to_account_id: to.id,
        amount: 1 + (index % 500),
        currency: 'EUR',
      },
    }
    for (let attempt = 1; attempt <= triesMax; attempt += 1) {
      const status = await api.send('POST', '/v1/transfers', request).then(
        (answer) => answer.status,
        () => 0,
      )
      if (status === 201) result.posted += 1
      else if (status >= 400 && status < 500) result.refused += 1
      else continue
      return
    }
    result.unknown += 1
  }

  await Promise.all(
    Array.from({ length: inFlightMax }, async () => {
      while (next < count) {
        next += 1
        await transferOne(next)
        if (next % 250 === 0) showProgress(next, count)
      }
    }),
  )
  showProgress(count, count)
  result.milliseconds = performance.now() - started
  return result
}

function showProgress(done: number, count: number): void {
  if (!process.stderr.isTTY) return
  const width = 40
  const filled = Math.round((done / count) * width)
  const bar = '█'.repeat(filled).padEnd(width, '░')
  process.stderr.write(`\r${bar} ${done}/${count}${done === count ? '\n' : ''}`)
}
