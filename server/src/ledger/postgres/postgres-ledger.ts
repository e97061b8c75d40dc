/**
 * The group-commit engine: one instruction per call, and whatever has come together by the time the
 * database can take it goes into one tx.
 *
 *     post, hold -> queue -> batch (at most `batchesInFlight` at once) -> answers
 *
 * - A batch leaves at the end of the event-loop turn in which there is both work and a free place: a
 *   lone instruction leaves at once, and all that one read of the sockets brought leaves together.
 *   Beside others in flight it leaves when it is worth it (dispatcher.ts).
 * - No two batches of one engine in flight share a customer's account; the bank's own are shared,
 *   and wait for each other at their row locks. Several engines on one database are right by row
 *   locks alone.
 * - Bounds: `queueSizeMax` instructions wait, each until its deadline, and a batch has at most
 *   `batchSizeMax`. Past any of them the answer is `overloaded`, with nothing done.
 */
import { assert, present } from '../../kernel/assert.ts'
import { createDayStart } from '../../kernel/day-start.ts'
import { Fault } from '../../kernel/fault.ts'
import { createUuidSource, type Uuid } from '../../kernel/ids.ts'
import type { Minor } from '../../kernel/money.ts'
import { createDatabase } from '../../database/database.ts'
import { decide as decideByRules } from '../core/decide.ts'
import type { LedgerRules } from '../core/types.ts'
import { assertGroup } from '../core/group.ts'
import type {
  GroupOutcome,
  Instruction,
  LedgerEngine,
  PostOptions,
  TransferInstruction,
} from '../engine.ts'
import { type LedgerTelemetry, silentTelemetry } from '../telemetry.ts'
import {
  attemptBatch,
  type AttemptOptions,
  type AttemptRequest,
  type AttemptResult,
} from './attempt.ts'
import { createBatchRunner } from './batch.ts'
import { createChangeAccount } from './change-account.ts'
import { createConnections } from './connections.ts'
import { createDispatcher } from './dispatcher.ts'
import { failureOf } from './failure.ts'
import { createFindNamedAccounts } from './named-accounts.ts'
import { createOpenAccounts } from './open-accounts.ts'
import type { OrderOutcome } from './order.ts'
import { createKeyMakerSource, createPrepare } from './prepare.ts'
import { beginText } from './statements.ts'

export interface PostgresLedgerOptions {
  /** The server's login; everything about money goes through the ledger's own connections. */
  url: string
  /** False behind a pooler that does not know prepared statements. */
  namedStatements: boolean
  /** Taken on in each tx, where the login has more rights than the server needs. */
  role?: string
  /** The most that one transfer may move. */
  transferAmountMax: Minor
  /** IANA: where the days of daily limits begin. `UTC` when not given. */
  timeZone?: string
  batchSizeMax?: number
  batchesInFlight?: number
  queueSizeMax?: number
  /** How many instructions of one principal enter a batch before the next principal's turn. */
  callerTurnMax?: number
  /** For instructions that come without a deadline of their own. */
  deadlineMilliseconds?: number
  lockTimeoutMilliseconds?: number
  /** The longest pause between the flights of a tx before the database ends the session. */
  idleTimeoutMilliseconds?: number
  /** How long the client waits for a flight, COMMIT's included, before it gives the connection up. */
  flightLimitMilliseconds?: number
  telemetry?: LedgerTelemetry
  /** The rules; tests plant defects here. */
  decide?: AttemptOptions['decide']
}

const defaults = {
  timeZone: 'UTC',
  batchSizeMax: 256,
  batchesInFlight: 2,
  queueSizeMax: 10_000,
  callerTurnMax: 64,
  deadlineMilliseconds: 5_000,
  lockTimeoutMilliseconds: 2_000,
  idleTimeoutMilliseconds: 5_000,
  flightLimitMilliseconds: 5_000,
  telemetry: silentTelemetry,
  decide: decideByRules,
}

/** How often a batch that others were in the way of is tried in all. */
const contentionTriesMax = 5

export function createPostgresLedger(given: PostgresLedgerOptions): LedgerEngine {
  const options = { ...defaults, ...given }
  const { url, namedStatements, role, telemetry } = options
  const database = createDatabase({
    url,
    poolSize: 4,
    applicationName: 'tallystick accounts',
    namedStatements,
    ...(role !== undefined && { role }),
  })
  const newId = createUuidSource()
  const keyMaker = createKeyMakerSource(database)
  const openAccounts = createOpenAccounts({ database, newId, keyMaker })
  const rules: LedgerRules = {
    transferAmountMax: options.transferAmountMax,
    dayStart: createDayStart(options.timeZone),
  }
  const changeAccount = createChangeAccount({ database, rules, expireHolds })
  const findNamedAccounts = createFindNamedAccounts(database)
  const batches = createBatches(options, rules)
  const dispatch = createDispatcher({
    queue: {
      queueMax: options.queueSizeMax,
      batchMax: options.batchSizeMax,
      callerTurnMax: options.callerTurnMax,
    },
    batchesInFlight: options.batchesInFlight,
    runBatch: createBatchRunner({
      telemetry,
      contentionTriesMax,
      prepare: createPrepare({
        keyMaker,
        openBankAccount: (code, currency) => openAccounts.openBankAccount(code, currency),
        findBankAccount: (code, currency) => openAccounts.findBankAccount(code, currency),
        newId,
      }),
      attempt: batches.attempt,
    }),
    telemetry,
  })
  const calls = createCalls()
  let stopped: Promise<void> | undefined

  const defaultDeadline = () => performance.now() + options.deadlineMilliseconds

  /** Not `async`: what names its accounts itself goes straight to the queue. */
  function carryOut(
    instruction: Instruction,
    { deadline = defaultDeadline(), dryRun: isDryRun = false }: PostOptions = {},
  ): Promise<OrderOutcome> {
    if ('debit' in instruction) {
      return dispatch({ instruction, named: undefined, isDryRun }, deadline)
    }
    return findNamedAccounts(instruction, deadline).then((named) =>
      dispatch({ instruction, named, isDryRun }, deadline),
    )
  }

  async function carryOutGroup(
    instructions: readonly TransferInstruction[],
    { deadline = defaultDeadline(), dryRun: isDryRun = false }: PostOptions = {},
  ): Promise<GroupOutcome> {
    assertGroup(instructions)
    const { principalId } = present(instructions[0], 'the first of a group')
    const instruction = { kind: 'group', principalId, instructions } as const
    const outcome = await dispatch({ instruction, named: undefined, isDryRun }, deadline)
    assert(outcome.kind === 'group', 'a group is answered with a group')
    return { outcomes: outcome.outcomes }
  }

  /** Each account by itself, so that one which others hold keeps none of the others. */
  async function expireHolds(accountIds: readonly Uuid[]): Promise<void> {
    const deadline = defaultDeadline()
    await Promise.all(
      accountIds.map((accountId) =>
        dispatch(
          { instruction: { kind: 'expiry', accountId }, named: undefined, isDryRun: false },
          deadline,
        ),
      ),
    )
  }

  async function stop(): Promise<void> {
    await calls.drain()
    await Promise.all([batches.close(), database.close()])
  }

  return {
    async post(instruction, postOptions) {
      const outcome = await calls.track(() => carryOut(instruction, postOptions))
      const isTransfer = outcome.kind === 'posted' || outcome.kind === 'refused'
      assert(isTransfer, 'what moves money is answered with a transfer')
      return outcome
    },
    postGroup: (instructions, postOptions) =>
      calls.track(() => carryOutGroup(instructions, postOptions)),
    async hold(instruction, postOptions) {
      const outcome = await calls.track(() => carryOut(instruction, postOptions))
      const isHold = outcome.kind === 'held' || outcome.kind === 'refused'
      assert(isHold, 'a hold is answered with a hold')
      return outcome
    },
    expireHolds: (accountIds) => calls.track(() => expireHolds(accountIds)),
    openAccount: (instruction) => calls.track(() => openAccounts.openAccount(instruction)),
    openBankAccount: (...order) => calls.track(() => openAccounts.openBankAccount(...order)),
    changeAccount: (instruction) => calls.track(() => changeAccount(instruction)),
    account: (id) => openAccounts.account(id),
    stop: () => (stopped ??= stop()),
  }
}

/** Attempts on the ledger's own connections. */
function createBatches(options: typeof defaults & PostgresLedgerOptions, rules: LedgerRules) {
  const { flightLimitMilliseconds, lockTimeoutMilliseconds, idleTimeoutMilliseconds } = options
  const connections = createConnections({
    url: options.url,
    applicationName: 'tallystick ledger',
    namedStatements: options.namedStatements,
    connectLimitMilliseconds: flightLimitMilliseconds,
  })
  const limits = {
    lockTimeoutMilliseconds,
    idleTimeoutMilliseconds,
    statementTimeoutMilliseconds: flightLimitMilliseconds,
  }
  const attemptOptions: AttemptOptions = {
    decide: options.decide,
    rules,
    beginText: beginText(limits, options.role),
    flightLimitMilliseconds,
  }
  const attempt = async (request: AttemptRequest): Promise<AttemptResult> => {
    try {
      return await connections.use((connection) =>
        attemptBatch(connection, request, attemptOptions),
      )
    } catch (error) {
      return { kind: 'failed', failure: failureOf(error), error }
    }
  }
  return { attempt, close: () => connections.close() }
}

/** Counts calls until they are answered, so that a stop can wait for all of them. */
function createCalls() {
  let accepted = 0
  let onDrained: (() => void) | undefined
  let isClosed = false

  function done(): void {
    accepted -= 1
    if (accepted === 0) onDrained?.()
  }

  return {
    track<T>(work: () => Promise<T>): Promise<T> {
      if (isClosed) return Promise.reject(new Fault('shutting_down', 'the ledger is stopping'))
      accepted += 1
      const answer = work()
      answer.then(done, done)
      return answer
    },
    /** Accepts nothing more, and resolves when all that was accepted is answered. */
    drain(): Promise<void> {
      isClosed = true
      return accepted === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            onDrained = resolve
          })
    },
  }
}
