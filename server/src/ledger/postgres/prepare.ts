/**
 * Instructions as the core decides them: with the identity of their keys, the ids of the accounts
 * they concern, and the ids of the transfers or holds they may become.
 *
 * Nothing is cached but what never changes: the bank's secret, and which account a code and a
 * currency mean. Of a dry run nothing is written, not even a bank account that it would open.
 */
import { present } from '../../kernel/assert.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { Database } from '../../database/database.ts'
import type { PreparedGroup, PreparedInstruction } from '../core/types.ts'
import type { Instruction } from '../engine.ts'
import { createKeyMaker, type KeyMaker } from '../idempotency.ts'
import {
  createBankCodes,
  type BankCodesOptions,
  type BatchCodes,
  type Movement,
} from './bank-codes.ts'
import { customerIdsOf, type Order, type PreparedOrder } from './order.ts'

export interface PrepareOptions extends BankCodesOptions {
  keyMaker: KeyMakerSource
}

/** What a batch is prepared with. */
interface Means {
  maker: KeyMaker
  codes: BatchCodes
}

/**
 * Prepares a batch, in its order. Throws a `Defect` for an instruction that cannot be read, and a
 * Fault where the database is needed and not there.
 */
export type Prepare = (orders: readonly Order[]) => Promise<PreparedOrder[]>

export function createPrepare({ keyMaker, ...options }: PrepareOptions): Prepare {
  const { newId } = options
  const startBatch = createBankCodes(options)

  function prepareInstruction(
    { maker, codes }: Means,
    order: InstructionOrder,
    group?: PreparedGroup,
  ): PreparedInstruction {
    const { instruction, isDryRun } = order
    const prepared: PreparedInstruction = {
      ...maker.instruction(instruction, group?.size),
      newId: newId(),
      ...accountIdsOf(order, codes),
      instruction,
      isDryRun,
    }
    if (isDryRun && 'debit' in instruction) prepared.virtualAccounts = codes.virtualOf(instruction)
    if (group) prepared.group = group
    return prepared
  }

  function prepareOrder(means: Means, order: Order): PreparedOrder {
    const { instruction, named, isDryRun } = order
    const customerIds = customerIdsOf(order)
    if (instruction.kind === 'expiry') {
      return { kind: 'expiry', accountIds: customerIds, customerIds, prepared: [] }
    }
    if (instruction.kind !== 'group') {
      const prepared = [prepareInstruction(means, { instruction, named, isDryRun })]
      return { kind: 'one', accountIds: accountsOf(prepared), customerIds, prepared }
    }
    const { instructions } = instruction
    const group = { id: newId(), size: instructions.length }
    const prepared = instructions.map((each) =>
      prepareInstruction(means, { instruction: each, named, isDryRun }, group),
    )
    return { kind: 'group', accountIds: accountsOf(prepared), customerIds, prepared }
  }

  return async (orders) => {
    const maker = keyMaker.known() ?? (await keyMaker.read())
    const codes = startBatch()
    for (const { instruction, isDryRun } of orders) {
      if ('debit' in instruction) {
        if (namesBank(instruction)) await codes.resolve(instruction, isDryRun)
      } else if (instruction.kind === 'group') {
        for (const each of instruction.instructions) {
          if (namesBank(each)) await codes.resolve(each, isDryRun)
        }
      }
    }
    const means = { maker, codes }
    // In one go, so the transfer ids of a batch are one rising run with no other of ours between.
    return orders.map((order) => prepareOrder(means, order))
  }
}

function namesBank({ debit, credit }: Movement): boolean {
  return 'bankCode' in debit || 'bankCode' in credit
}

function accountIdsOf({ instruction, named }: InstructionOrder, codes: BatchCodes): MovementIds {
  if ('debit' in instruction) {
    const { debit, credit, currency } = instruction
    const debitAccountId = codes.accountId(debit, currency)
    return { debitAccountId, creditAccountId: codes.accountId(credit, currency) }
  }
  const creditAccountId = instruction.kind === 'release' ? undefined : named?.creditAccountId
  return { debitAccountId: named?.debitAccountId, creditAccountId }
}

/** Those to lock: all but the virtual ones. */
function accountsOf(prepared: readonly PreparedInstruction[]): Uuid[] {
  const accountIds: Uuid[] = []
  for (const { debitAccountId: debit, creditAccountId: credit, virtualAccounts } of prepared) {
    if (debit !== undefined && !hasId(virtualAccounts, debit)) accountIds.push(debit)
    if (credit !== undefined && !hasId(virtualAccounts, credit)) accountIds.push(credit)
  }
  return accountIds
}

function hasId(accounts: PreparedInstruction['virtualAccounts'], accountId: Uuid): boolean {
  return accounts !== undefined && accounts.some(({ id }) => id === accountId)
}

type InstructionOrder = Pick<Order, 'named' | 'isDryRun'> & { instruction: Instruction }
type MovementIds = Pick<PreparedInstruction, 'debitAccountId' | 'creditAccountId'>

/** The maker of keys under the bank's secret, which is read at first use. */
export interface KeyMakerSource {
  known(): KeyMaker | undefined
  read(): Promise<KeyMaker>
}

export function createKeyMakerSource({ kysely }: Database): KeyMakerSource {
  let keyMaker: KeyMaker | undefined
  async function read(): Promise<KeyMaker> {
    const row = await kysely
      .selectFrom('bank_secret')
      .select('secret')
      .where('name', '=', 'idempotency')
      .executeTakeFirst()
    keyMaker = createKeyMaker(present(row, 'the secret of the idempotency keys').secret)
    return keyMaker
  }
  return { known: () => keyMaker, read }
}
