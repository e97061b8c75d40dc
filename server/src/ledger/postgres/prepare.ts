/**
 * Instructions as the core decides them: with the identity of their keys, the ids of the bank
 * accounts they name by code, and the ids of the transfers they may become.
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
import type { LedgerEngine, Party, TransferInstruction } from '../engine.ts'
import { createKeyMaker, type KeyMaker } from '../idempotency.ts'

export interface PrepareOptions {
  keyMaker: KeyMakerSource
  openBankAccount: LedgerEngine['openBankAccount']
  newId: () => Uuid
}

/**
 * Prepares a batch, in its order. Throws a `Defect` for an instruction that cannot be read, and a
 * Fault where the database is needed and not there.
 */
export type Prepare = (
  instructions: readonly TransferInstruction[],
) => Promise<PreparedInstruction[]>

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

  return async (instructions) => {
    const maker = keyMaker.known() ?? (await keyMaker.read())
    for (const { debit, credit, currency } of instructions) {
      if ('bankCode' in debit) await openMissing(debit, currency)
      if ('bankCode' in credit) await openMissing(credit, currency)
    }
    // In one go, so the transfer ids of a batch are one rising run with no other of ours between.
    return instructions.map((instruction) => ({
      ...maker.transfer(instruction),
      transferId: newId(),
      debitAccountId: accountIdOf(instruction.debit, instruction.currency),
      creditAccountId: accountIdOf(instruction.credit, instruction.currency),
      instruction,
    }))
  }
}

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
