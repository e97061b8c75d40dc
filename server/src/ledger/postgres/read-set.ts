/**
 * What a decision depends on: locked and read in one flight, or two.
 *
 *     flight     BEGIN with its limits | lock the accounts | read the keys and the time
 *                | the holds and originals that are named, where there are any
 *     flight     what is overdue, where a locked account may have something overdue
 *
 * All but the accounts is read by later statements than the one that locks them, so it is seen as it
 * is under the locks. A batch of bare transfers sends the first three statements and nothing else.
 */
import { assert, present } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { DecisionInput, LockedAccount, Overdue } from '../core/types.ts'
import type { Hold } from '../engine.ts'
import type { Connection, FlightStatement } from './connection.ts'
import { bigintArray, integerArray, uuidArray } from './encode.ts'
import { resultsOf } from './failure.ts'
import type { PreparedOrder } from './order.ts'
import {
  integer,
  readHold,
  readLockedAccount,
  readOriginal,
  readStoredKey,
  text,
  type Row,
} from './rows.ts'
import {
  lockAccounts,
  lockFreeAccounts,
  readAccountIds,
  readHolds,
  readKeys,
  readOriginals,
  readOverdue,
} from './statements.ts'

/** How many holds a batch expires at most, shared by the accounts that have some. */
const overdueMax = 4_000

export interface ReadOptions {
  beginText: string
  /** Do not wait for accounts that others hold. */
  skipLocked: boolean
  flightLimitMilliseconds: number
  /** Told before the second flight; what it returns is called after it. */
  onOverdue: () => () => void
}

export interface ReadSet extends Omit<DecisionInput, 'instructions' | 'rules'> {
  /** With `skipLocked`, the accounts that exist, locked or not. */
  existing: readonly Uuid[]
}

/** Locks and reads for a batch. Throws a `FlightError` for the first answer that was an error. */
export async function lockAndRead(
  connection: Connection,
  batch: readonly PreparedOrder[],
  options: ReadOptions,
): Promise<ReadSet> {
  const { beginText, skipLocked, flightLimitMilliseconds } = options
  const names = namesOf(batch)
  const accountIds = [uuidArray([...names.accountIds])]
  const hasHolds = names.holdIds.size > 0
  const hasOriginals = names.originalIds.size > 0
  const flight: FlightStatement[] = [
    beginText,
    { statement: skipLocked ? lockFreeAccounts : lockAccounts, values: accountIds },
    { statement: readKeys, values: [uuidArray([...names.keyIds])] },
  ]
  if (hasHolds) flight.push({ statement: readHolds, values: [uuidArray([...names.holdIds])] })
  if (hasOriginals) {
    flight.push({ statement: readOriginals, values: [uuidArray([...names.originalIds])] })
  }
  if (skipLocked) flight.push({ statement: readAccountIds, values: accountIds })

  const answers = await connection.fly(flight, flightLimitMilliseconds)
  const results = resultsOf(answers).values()
  const next = () => present(results.next().value, 'the result of a statement').rows
  next()
  const accounts = new Map(next().map((row) => [text(row, 0), readLockedAccount(row)]))
  const keyRows = next()
  const holds = hasHolds ? next().map((row) => readHold(row, 0)) : []
  const originals = hasOriginals ? next().map(readOriginal) : []
  const existing = skipLocked ? next().map((row) => text(row, 0)) : []
  const nowMilliseconds = integer(present(keyRows[0], 'the present time'), 0)
  return {
    accounts,
    keys: readKeyRows(keyRows),
    holds: new Map(holds.map((hold) => [hold.id, hold])),
    originals: new Map(originals.map((original) => [original.transfer.id, original])),
    overdue: await readOverdueOn(connection, accounts, nowMilliseconds, options),
    nowMilliseconds,
    existing,
  }
}

/** All that the orders of a batch name, each once. */
function namesOf(batch: readonly PreparedOrder[]) {
  const accountIds = new Set<Uuid>()
  const keyIds = new Set<Uuid>()
  const holdIds = new Set<Uuid>()
  const originalIds = new Set<Uuid>()
  for (const { accountIds: ids, prepared } of batch) {
    for (const id of ids) accountIds.add(id)
    for (const { keyId, instruction } of prepared) {
      keyIds.add(keyId)
      if (instruction.kind === 'reversal') originalIds.add(instruction.transferId)
      else if ('holdId' in instruction) holdIds.add(instruction.holdId)
    }
  }
  return { accountIds, keyIds, holdIds, originalIds }
}

function readKeyRows(rows: readonly Row[]): DecisionInput['keys'] {
  const stored = rows.filter((row) => row[1] !== null).map(readStoredKey)
  return new Map(stored.map((key) => [key.keyId, key]))
}

async function readOverdueOn(
  connection: Connection,
  accounts: ReadonlyMap<Uuid, LockedAccount>,
  nowMilliseconds: number,
  { flightLimitMilliseconds, onOverdue }: ReadOptions,
): Promise<Map<Uuid, Overdue>> {
  const due: Uuid[] = []
  for (const { id, holdExpiresAtMilliseconds } of accounts.values()) {
    if (holdExpiresAtMilliseconds <= nowMilliseconds) due.push(id)
  }
  if (due.length === 0) return new Map()
  const perAccountMax = Math.ceil(overdueMax / due.length)
  const values = [uuidArray(due), bigintArray([nowMilliseconds]), integerArray([perAccountMax])]
  const ended = onOverdue()
  const answers = await connection.fly(
    [{ statement: readOverdue, values }],
    flightLimitMilliseconds,
  )
  const [result] = resultsOf(answers)
  ended()
  assert(result, 'a flight has a result for each of its statements')
  return collectOverdue(result.rows, perAccountMax)
}

function collectOverdue(rows: readonly Row[], perAccountMax: number): Map<Uuid, Overdue> {
  const overdue = new Map<Uuid, { holds: Hold[]; nextExpiryMilliseconds: number }>()
  for (const row of rows) {
    const accountId = text(row, 0)
    const next = row[1] === null ? Infinity : integer(row, 1)
    const known = overdue.get(accountId) ?? { holds: [], nextExpiryMilliseconds: next }
    overdue.set(accountId, known)
    if (row[2] === null) continue
    const hold = readHold(row, 2)
    known.holds.push(hold)
    // There may be more of them than were read: the next batch has to look again.
    if (known.holds.length === perAccountMax) {
      known.nextExpiryMilliseconds = hold.expiresAt.getTime()
    }
  }
  return overdue
}
