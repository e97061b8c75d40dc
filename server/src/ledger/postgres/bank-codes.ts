/**
 * Which accounts the bank's codes mean, for one batch after the other.
 *
 * - An account that is not there yet is opened, in a tx of its own, before the batch begins. A dry run
 *   opens none: it gets an empty one that is there for its own decision and nowhere else.
 * - A code and a currency mean the same account for ever, so that is remembered. What a batch has
 *   resolved is its own: it does not depend on what is still remembered.
 */
import { present } from '../../kernel/assert.ts'
import type { CurrencyCode } from '../../kernel/currency.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { virtualBankAccount } from '../core/opening.ts'
import type { LockedAccount } from '../core/types.ts'
import type { BankAccount, LedgerEngine, Party, TransferInstruction } from '../engine.ts'

export interface BankCodesOptions {
  openBankAccount: LedgerEngine['openBankAccount']
  findBankAccount: (code: string, currency: CurrencyCode) => Promise<BankAccount | undefined>
  newId: () => Uuid
}

export type Movement = Pick<TransferInstruction, 'debit' | 'credit' | 'currency'>

/** The codes of one batch. */
export interface BatchCodes {
  /** Finds or opens what the movement names; for a dry run it opens nothing. */
  resolve(movement: Movement, isDryRun: boolean): Promise<void>
  /** Of a party that was resolved. A virtual account is seen by dry runs only. */
  accountId(party: Party, currency: CurrencyCode): Uuid
  /** Those accounts of a dry run's movement that are not there. */
  virtualOf(movement: Movement): LockedAccount[]
}

/** How many pairs of code and currency are remembered; a bank has a handful. */
export const rememberedMax = 10_000

/** Makes the codes of a batch, with what the ones before it have found. */
export function createBankCodes(options: BankCodesOptions): () => BatchCodes {
  const { openBankAccount, findBankAccount, newId } = options
  const remembered = new Map<string, Uuid>()

  function remember(name: string, id: Uuid): void {
    if (remembered.size >= rememberedMax) remembered.clear()
    remembered.set(name, id)
  }

  return () => {
    const ids = new Map<string, Uuid>()
    const virtual = new Map<string, LockedAccount>()

    async function resolveParty(
      party: Party,
      currency: CurrencyCode,
      isDryRun: boolean,
    ): Promise<void> {
      if ('accountId' in party) return
      const { bankCode } = party
      const name = nameOf(bankCode, currency)
      if (ids.has(name) || (isDryRun && virtual.has(name))) return
      const known = remembered.get(name)
      const id = known ?? (await find(bankCode, currency, isDryRun))
      if (id === undefined) {
        virtual.set(name, virtualBankAccount(newId(), bankCode, currency))
        return
      }
      ids.set(name, id)
      if (known === undefined) remember(name, id)
    }

    return {
      async resolve({ debit, credit, currency }, isDryRun) {
        await resolveParty(debit, currency, isDryRun)
        await resolveParty(credit, currency, isDryRun)
      },
      accountId(party, currency) {
        if ('accountId' in party) return party.accountId
        const name = nameOf(party.bankCode, currency)
        return present(ids.get(name) ?? virtual.get(name)?.id, 'a bank account')
      },
      virtualOf({ debit, credit, currency }) {
        return [debit, credit].flatMap((party) => {
          if ('accountId' in party) return []
          const name = nameOf(party.bankCode, currency)
          const account = ids.has(name) ? undefined : virtual.get(name)
          return account ? [account] : []
        })
      },
    }
  }

  async function find(
    code: string,
    currency: CurrencyCode,
    isDryRun: boolean,
  ): Promise<Uuid | undefined> {
    if (isDryRun) return (await findBankAccount(code, currency))?.accountId
    return (await openBankAccount(code, currency)).account.accountId
  }
}

function nameOf(code: string, currency: CurrencyCode): string {
  return `${code} ${currency}`
}
