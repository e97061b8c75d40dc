/**
 * Which accounts an instruction concerns that names a hold or a transfer: looked up before the queue,
 * which keeps its order per account and so has to know them. What is looked up never changes; what
 * can change is read by the batch, under its locks.
 *
 * What arrives within one turn of the event loop is looked up by one statement. A hold or transfer
 * that is not there has no accounts: the batch refuses the instruction, so that its key is kept.
 */
import { CompiledQuery } from 'kysely'
import { classifyDatabaseError } from '../../database/errors.ts'
import type { Database } from '../../database/database.ts'
import type { RowOf } from '../../database/statement.ts'
import { Fault } from '../../kernel/fault.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { CaptureInstruction, ReleaseInstruction, ReversalInstruction } from '../engine.ts'
import { uuidArray } from './encode.ts'
import { readNamedAccounts } from './statements.ts'

export interface NamedAccounts {
  debitAccountId: Uuid
  creditAccountId: Uuid
  /** Those of the two that are not the bank's. */
  customerIds: readonly Uuid[]
}

export type NamingInstruction = CaptureInstruction | ReleaseInstruction | ReversalInstruction

/** Throws a Fault `unavailable`, with nothing done, where there is no database. */
export type FindNamedAccounts = (
  instruction: NamingInstruction,
) => Promise<NamedAccounts | undefined>

/** The most ids in one statement. */
const idsMax = 1000

export function createFindNamedAccounts({ kysely }: Pick<Database, 'kysely'>): FindNamedAccounts {
  let collected: Collected | undefined

  return async (instruction) => {
    const isReversal = instruction.kind === 'reversal'
    const id = isReversal ? instruction.transferId : instruction.holdId
    // Here, so that an id which is none is the defect of this instruction alone.
    uuidArray([id])
    collected ??= collect()
    const { ids, found } = collected
    if (isReversal) ids.transfers.add(id)
    else ids.holds.add(id)
    if (ids.transfers.size + ids.holds.size >= idsMax) collected = undefined
    return (await found).get(id)
  }

  function collect(): Collected {
    const ids = { holds: new Set<Uuid>(), transfers: new Set<Uuid>() }
    const found = new Promise<Map<Uuid, NamedAccounts>>((resolve, reject) => {
      setImmediate(() => {
        if (collected?.ids === ids) collected = undefined
        read(ids).then(resolve, reject)
      })
    })
    return { ids, found }
  }

  async function read({ holds, transfers }: Collected['ids']): Promise<Map<Uuid, NamedAccounts>> {
    const values = [uuidArray([...holds]), uuidArray([...transfers])]
    const query = CompiledQuery.raw(readNamedAccounts.text, values)
    try {
      const { rows } = await kysely.executeQuery<RowOf<typeof readNamedAccounts>>(query)
      return new Map(rows.flatMap(readNamed))
    } catch (error) {
      if (classifyDatabaseError(error) !== 'unavailable') throw error
      throw new Fault('unavailable', 'the database is not available', { cause: error })
    }
  }
}

interface Collected {
  ids: { holds: Set<Uuid>; transfers: Set<Uuid> }
  found: Promise<Map<Uuid, NamedAccounts>>
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
