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
import type { PreparedInstruction } from '../core/types.ts'
import type { Instruction, LedgerEngine, Party } from '../engine.ts'
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

  function prepareInstruction(maker: KeyMaker, order: InstructionOrder): PreparedOrder {
    const { instruction } = order
    const ids = accountIdsOf(order)
    const { debitAccountId, creditAccountId } = ids
    const accountIds: Uuid[] = []
    if (debitAccountId !== undefined) accountIds.push(debitAccountId)
    if (creditAccountId !== undefined) accountIds.push(creditAccountId)
    const prepared = { ...maker.instruction(instruction), newId: newId(), ...ids, instruction }
    return { accountIds, customerIds: customerIdsOf(order), prepared }
  }

  return async (orders) => {
    const maker = keyMaker.known() ?? (await keyMaker.read())
    for (const { instruction } of orders) {
      if (!('debit' in instruction)) continue
      const { debit, credit, currency } = instruction
      if ('bankCode' in debit) await openMissing(debit, currency)
      if ('bankCode' in credit) await openMissing(credit, currency)
    }
    // In one go, so the transfer ids of a batch are one rising run with no other of ours between.
    return orders.map(({ instruction, named }) => {
      if (instruction.kind !== 'expiry') return prepareInstruction(maker, { instruction, named })
      const accountIds = [instruction.accountId]
      return { accountIds, customerIds: accountIds, prepared: undefined }
    })
  }
}

type InstructionOrder = Pick<Order, 'named'> & { instruction: Instruction }
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
