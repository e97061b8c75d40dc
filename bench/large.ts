/**
 * A bank with ten million transfers: the rate it still has and how long reads of a long history take.
 *
 * The transfers are posted through the engine, one instruction each with a key of its own, never by
 * SQL: what is measured after is what a bank of that size looks like. Every fourth is at one hot
 * account, whose history is the longest there is.
 *
 * The rate is the mean over a whole cycle of checkpoints, from the end of one to the end of the next:
 * after a checkpoint the first change of every page writes the whole page, and the checkpoint itself
 * writes what was changed. The scheduled audit is off, since it would still be at what was loaded.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { createUuidSource, decodeId } from '../server/src/kernel/ids.ts'
import { MINOR_MAX } from '../server/src/kernel/money.ts'
import type { LedgerEngine } from '../server/src/ledger/engine.ts'
import { createPostgresLedger } from '../server/src/ledger/postgres/postgres-ledger.ts'
import {
  assertAllDone,
  measureLoad,
  progress,
  withBank,
  type BenchBank,
  type BenchSettings,
} from './bank.ts'
import { ratioOf } from './figure.ts'
import { startLoad, type RunningLoad } from './load.ts'
import type { ReportLine } from './report.ts'
import { randomTransfers } from './requests.ts'
import { readRows } from './rows.ts'
import type { SeededAccount, SeededBank } from './seed.ts'

const inFlight = 4_000
const reportMilliseconds = 5_000
const lookMilliseconds = 500

export interface LargeExtent {
  transfers: number
  seconds: number
  /** Does not wait for checkpoints. */
  quick: boolean
}

export function measureLarge(
  settings: BenchSettings,
  { transfers, seconds, quick }: LargeExtent,
): Promise<ReportLine[]> {
  return withBank(
    settings,
    async (bank) => {
      const { address, seeded } = bank
      const shape = { address, connections: 256, nextRequest: randomTransfers(seeded) }
      await measureLoad('warm-up', { ...shape, seconds })
      const empty = await measureLoad('empty', { ...shape, seconds: quick ? seconds : 60 })
      await fill(bank, transfers)
      const full = await measureCycle(bank, quick ? seconds : undefined)
      const lines: ReportLine[] = [
        { title: 'POST transfers, 256 connections, empty bank', figure: empty },
        {
          title: `the same with ${transfers.toLocaleString('en')} transfers, over a checkpoint cycle`,
          figure: { perSecond: full, ratio: full / empty.perSecond },
          goals: { least: ratioOf(0.8, 'empty'), goal: ratioOf(0.9, 'empty') },
        },
      ]
      const round = { bank, seconds, baselines: undefined, figures: new Map() }
      for (const { title, goals, measure } of readRows) {
        lines.push({ title: `${title}, at that size`, figure: await measure(round), goals })
      }
      return lines
    },
    { AUDIT_INTERVAL: '0' },
  )
}

/** Posts so many transfers, thousands in flight at one time. */
async function fill({ urls, seeded }: BenchBank, count: number): Promise<void> {
  const ledger = createPostgresLedger({
    url: urls.url,
    namedStatements: true,
    transferAmountMax: MINOR_MAX,
    deadlineMilliseconds: 60_000,
  })
  const started = performance.now()
  const nextOrder = createOrders(ledger, seeded)
  let begun = 0
  let done = 0
  const report = (): void => {
    const perSecond = Math.round((done / (performance.now() - started)) * 1000)
    progress(
      `  ${done.toLocaleString('en')} of ${count.toLocaleString('en')} transfers, ` +
        `${perSecond.toLocaleString('en')} per second`,
    )
  }
  const reports = setInterval(report, reportMilliseconds)
  try {
    await Promise.all(
      Array.from({ length: inFlight }, async () => {
        while (begun < count) {
          begun += 1
          await nextOrder()
          done += 1
        }
      }),
    )
    report()
  } finally {
    clearInterval(reports)
    await ledger.stop()
  }
}

interface Payer {
  accountId: string
  ownerId: string
}

function payerOf({ id, ownerId }: SeededAccount): Payer {
  const payer = { accountId: decodeId('acct', id), ownerId: decodeId('user', ownerId) }
  const { accountId, ownerId: owner } = payer
  if (accountId === undefined || owner === undefined) throw new Error(`not an account: ${id}`)
  return { accountId, ownerId: owner }
}

function createOrders(ledger: LedgerEngine, { accounts, hot }: SeededBank): () => Promise<void> {
  const all = accounts.map(payerOf)
  const hotPayer = payerOf(hot)
  const newId = createUuidSource()
  let count = 0

  function pick(): Payer {
    const payer = all[Math.floor(Math.random() * all.length)]
    if (!payer) throw new Error('there are no accounts')
    return payer
  }

  function nextPair(): [from: Payer, to: Payer] {
    count += 1
    if (count % 8 === 0) return [hotPayer, pick()]
    if (count % 8 === 4) return [pick(), hotPayer]
    const from = pick()
    for (;;) {
      const to = pick()
      if (to !== from) return [from, to]
    }
  }

  return async () => {
    const [from, to] = nextPair()
    const outcome = await ledger.post({
      kind: 'transfer',
      principalId: from.ownerId,
      authority: 'owner',
      idempotencyKey: { key: newId(), index: 0 },
      requestId: 'bench',
      debit: { accountId: from.accountId },
      credit: { accountId: to.accountId },
      amount: 1,
      currency: 'EUR',
      description: null,
      reference: null,
      metadata: null,
    })
    if (outcome.kind !== 'posted') throw new Error(`not posted: ${outcome.refusal.code}`)
  }
}

/** The mean rate between the ends of two checkpoints, or over so many seconds. */
async function measureCycle(bank: BenchBank, seconds: number | undefined): Promise<number> {
  const nextRequest = randomTransfers(bank.seeded)
  const client = new Client({ connectionString: bank.urls.superuserUrl })
  await client.connect()
  progress('  full ...')
  const load = await startLoad({ ...bank.address, connections: 256, nextRequest })
  try {
    if (seconds === undefined) await nextCheckpoint(client, load)
    const before = { completed: load.completed(), at: performance.now() }
    if (seconds === undefined) await nextCheckpoint(client, load)
    else await Promise.race([delay(seconds * 1000), load.broken])
    const completed = load.completed() - before.completed
    const elapsed = (performance.now() - before.at) / 1000
    progress(`  ${completed.toLocaleString('en')} transfers in ${elapsed.toFixed(0)} s`)
    return completed / elapsed
  } finally {
    const result = await load.stop()
    await client.end()
    assertAllDone('full', result)
  }
}

/** Resolves when a checkpoint has ended that had not ended before. */
async function nextCheckpoint(client: Client, load: RunningLoad): Promise<void> {
  progress('  waiting for the end of a checkpoint ...')
  const read = async (): Promise<string> => {
    const query = 'select checkpoint_lsn::text as lsn from pg_control_checkpoint()'
    const { rows } = await client.query<{ lsn: string }>(query)
    return rows[0]?.lsn ?? ''
  }
  const last = await read()
  do {
    await Promise.race([delay(lookMilliseconds), load.broken])
    // Refused requests write nothing, and then there is no checkpoint to wait for.
    assertAllDone('full', load)
  } while ((await read()) === last)
}
