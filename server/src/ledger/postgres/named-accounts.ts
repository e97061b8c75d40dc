/**
 * Which accounts an instruction concerns that names a hold or a transfer: looked up before the queue,
 * which keeps its order per account and so has to know them. What is looked up never changes; what
 * can change is read by the batch, under its locks.
 *
 * What arrives within one turn of the event loop, or while the statements before it are under way, is
 * looked up by one statement. A hold or transfer that is not there has no accounts: the batch refuses the instruction, so that its key is kept.
 */
import { CompiledQuery } from 'kysely'
import { classifyDatabaseError } from '../../database/errors.ts'
import type { Database } from '../../database/database.ts'
import type { RowOf } from '../../database/statement.ts'
import { Fault } from '../../kernel/fault.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { CaptureInstruction, ReleaseInstruction, ReversalInstruction } from '../engine.ts'
import { uuidArray } from './encode.ts'
import { deadlinePassed } from './failure.ts'
import { readNamedAccounts } from './statements.ts'

export interface NamedAccounts {
  debitAccountId: Uuid
  creditAccountId: Uuid
  /** Those of the two that are not the bank's. */
  customerIds: readonly Uuid[]
}

export type NamingInstruction = CaptureInstruction | ReleaseInstruction | ReversalInstruction

/**
 * Throws a Fault, with nothing done: `unavailable` where there is no database, `overloaded` when too
 * many wait or there was no answer by the deadline, in milliseconds of `performance.now()`.
 */
export type FindNamedAccounts = (
  instruction: NamingInstruction,
  deadline: number,
) => Promise<NamedAccounts | undefined>

/** The most ids in one statement, and the most statements at once: what comes meanwhile waits. */
const idsMax = 1000
const statementsMax = 2
/** The most instructions that wait for one. */
const waitingMax = 10_000

export function createFindNamedAccounts({ kysely }: Pick<Database, 'kysely'>): FindNamedAccounts {
  const waiting: Waiting[] = []
  let inFlight = 0
  let isScheduled = false

  function schedule(): void {
    if (isScheduled || inFlight >= statementsMax || waiting.length === 0) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      void look(waiting.splice(0, idsMax))
      schedule()
    })
  }

  async function look(those: readonly Waiting[]): Promise<void> {
    inFlight += 1
    try {
      const found = await read(those)
      for (const { id, resolve } of those) resolve(found.get(id))
    } catch (error) {
      const cause = classifyDatabaseError(error) === 'unavailable' ? unavailable(error) : error
      for (const { reject } of those) reject(cause)
    }
    inFlight -= 1
    schedule()
  }

  async function read(those: readonly Waiting[]): Promise<Map<Uuid, NamedAccounts>> {
    const idsOf = (kind: Waiting['kind']) => [
      ...new Set(those.filter((each) => each.kind === kind).map(({ id }) => id)),
    ]
    const values = [uuidArray(idsOf('hold')), uuidArray(idsOf('transfer'))]
    const query = CompiledQuery.raw(readNamedAccounts.text, values)
    const { rows } = await kysely.executeQuery<RowOf<typeof readNamedAccounts>>(query)
    return new Map(rows.flatMap(readNamed))
  }

  return async (instruction, deadline) => {
    const isReversal = instruction.kind === 'reversal'
    const id = isReversal ? instruction.transferId : instruction.holdId
    // Here, so that an id which is none is the defect of this instruction alone.
    uuidArray([id])
    if (waiting.length >= waitingMax) {
      throw new Fault('overloaded', 'too many instructions wait for the accounts that they concern')
    }
    const kind = isReversal ? 'transfer' : 'hold'
    const { promise, resolve, reject } = Promise.withResolvers<NamedAccounts | undefined>()
    waiting.push({ kind, id, resolve, reject })
    schedule()
    const late = setTimeout(() => reject(deadlinePassed()), deadline - performance.now())
    return promise.finally(() => clearTimeout(late))
  }
}

interface Waiting {
  kind: 'hold' | 'transfer'
  id: Uuid
  resolve: (found: NamedAccounts | undefined) => void
  reject: (error: unknown) => void
}

function unavailable(cause: unknown): Fault {
  return new Fault('unavailable', 'the database is not available', { cause })
}

function readNamed(row: RowOf<typeof readNamedAccounts>): [Uuid, NamedAccounts][] {
  const { id, debit_account_id: debitAccountId, credit_account_id: creditAccountId } = row
  if (id === null || debitAccountId === null || creditAccountId === null) return []
  const customerIds = [
    ...(row.debit_is_customer ? [debitAccountId] : []),
    ...(row.credit_is_customer ? [creditAccountId] : []),
  ]
  return [[id, { debitAccountId, creditAccountId, customerIds }]]
}
