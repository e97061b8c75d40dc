/**
 * Instructions as the core decides them: with the identity of their keys, the ids of the accounts
 * they concern, and the ids of the transfers or holds they may become.
 *
 * Nothing is cached but what never changes: the bank's secret, and which account a code and a
 * currency mean. A bank account that is not there yet is opened, in a tx of its own, before the
 * batch that needs it begins.
 */
import { present } from '../../kernel/assert.ts'
import type { CurrencyCode } from '../../kernel/currency.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { Database } from '../../database/database.ts'
import type { PreparedGroup, PreparedInstruction } from '../core/types.ts'
import type { Instruction, LedgerEngine, Party, TransferInstruction } from '../engine.ts'
import { createKeyMaker, type KeyMaker } from '../idempotency.ts'
import { customerIdsOf, type Order, type PreparedOrder } from './order.ts'

export interface PrepareOptions {
  keyMaker: KeyMakerSource
  openBankAccount: LedgerEngine['openBankAccount']
  newId: () => Uuid
}

/**
 * Prepares a batch, in its order. Throws a `Defect` for an instruction that cannot be read, and a
 * Fault where the database is needed and not there.
 */
export type Prepare = (orders: readonly Order[]) => Promise<PreparedOrder[]>

/** How many pairs of code and currency are remembered; a bank has a handful. */
const rememberedMax = 10_000

export function createPrepare({ keyMaker, openBankAccount, newId }: PrepareOptions): Prepare {
  const bankAccountIds = new Map<string, Uuid>()

  async function openMissing(party: Party, currency: CurrencyCode): Promise<void> {
    if ('accountId' in party) return
    const name = `${party.bankCode} ${currency}`
    if (bankAccountIds.has(name)) return
    const { account } = await openBankAccount(party.bankCode, currency)
    if (bankAccountIds.size >= rememberedMax) bankAccountIds.clear()
    bankAccountIds.set(name, account.accountId)
  }

  function accountIdOf(party: Party, currency: CurrencyCode): Uuid {
    if ('accountId' in party) return party.accountId
    return present(bankAccountIds.get(`${party.bankCode} ${currency}`), 'a bank account')
  }

  function accountIdsOf({ instruction, named }: InstructionOrder): MovementIds {
    if ('debit' in instruction) {
      const { debit, credit, currency } = instruction
      const debitAccountId = accountIdOf(debit, currency)
      return { debitAccountId, creditAccountId: accountIdOf(credit, currency) }
    }
    const creditAccountId = instruction.kind === 'release' ? undefined : named?.creditAccountId
    return { debitAccountId: named?.debitAccountId, creditAccountId }
  }

  function prepareInstruction(
    maker: KeyMaker,
    order: InstructionOrder,
    group?: PreparedGroup,
  ): PreparedInstruction {
    const { instruction, isDryRun } = order
    const prepared: PreparedInstruction = {
      ...maker.instruction(instruction, group?.size),
      newId: newId(),
      ...accountIdsOf(order),
      instruction,
      isDryRun,
    }
    if (group) prepared.group = group
    return prepared
  }

  function prepareOrder(maker: KeyMaker, order: Order): PreparedOrder {
    const { instruction, named, isDryRun } = order
    const customerIds = customerIdsOf(order)
    if (instruction.kind === 'expiry') {
      return { kind: 'expiry', accountIds: customerIds, customerIds, prepared: [] }
    }
    if (instruction.kind !== 'group') {
      const prepared = [prepareInstruction(maker, { instruction, named, isDryRun })]
      return { kind: 'one', accountIds: accountsOf(prepared), customerIds, prepared }
    }
    const { instructions } = instruction
    const group = { id: newId(), size: instructions.length }
    const prepared = instructions.map((each) =>
      prepareInstruction(maker, { instruction: each, named, isDryRun }, group),
    )
    return { kind: 'group', accountIds: accountsOf(prepared), customerIds, prepared }
  }

  async function openAllMissing({ debit, credit, currency }: Movement): Promise<void> {
    if ('bankCode' in debit) await openMissing(debit, currency)
    if ('bankCode' in credit) await openMissing(credit, currency)
  }

  return async (orders) => {
    const maker = keyMaker.known() ?? (await keyMaker.read())
    for (const { instruction } of orders) {
      if ('debit' in instruction) {
        if (namesBank(instruction)) await openAllMissing(instruction)
      } else if (instruction.kind === 'group') {
        for (const each of instruction.instructions) await openAllMissing(each)
      }
    }
    // In one go, so the transfer ids of a batch are one rising run with no other of ours between.
    return orders.map((order) => prepareOrder(maker, order))
  }
}

function namesBank({ debit, credit }: Movement): boolean {
  return 'bankCode' in debit || 'bankCode' in credit
}

function accountsOf(prepared: readonly PreparedInstruction[]): Uuid[] {
  const accountIds: Uuid[] = []
  for (const { debitAccountId, creditAccountId } of prepared) {
    if (debitAccountId !== undefined) accountIds.push(debitAccountId)
    if (creditAccountId !== undefined) accountIds.push(creditAccountId)
  }
  return accountIds
}

type Movement = Pick<TransferInstruction, 'debit' | 'credit' | 'currency'>
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
