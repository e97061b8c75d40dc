/** Has the ledger change an account, and renders it as it is then. */
import type { FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { problem, type ProblemError } from '../http/problem.ts'
import { present } from '../kernel/assert.ts'
import type { Uuid } from '../kernel/ids.ts'
import { toMinor } from '../kernel/money.ts'
import type { AccountChange, ChangeAccountRefusal, LedgerEngine } from '../ledger/ledger.ts'
import { renderAccount } from './render.ts'
import type { AccountSchema } from './schema.ts'
import type { AccountStore } from './store.ts'

export interface AccountChangeDependencies {
  ledger: Pick<LedgerEngine, 'changeAccount'>
  accounts: Pick<AccountStore, 'find'>
}

/** Throws the problem of a refusal. `authority` as in the ledger: an owner does no more than close. */
export type ChangeAccount = (
  request: FastifyRequest,
  accountId: Uuid,
  authority: 'owner' | 'staff',
  change: AccountChange,
) => Promise<Static<typeof AccountSchema>>

export function createAccountChange({
  ledger,
  accounts,
}: AccountChangeDependencies): ChangeAccount {
  return async (request, accountId, authority, change) => {
    const { userId: principalId } = request.principal
    const asked = { principalId, authority, accountId, requestId: request.id }
    const outcome = await ledger.changeAccount({ ...asked, change })
    if (outcome.kind === 'refused') throw changeProblem(outcome.refusal)
    // All that changes is as it was under the lock, whatever has happened since.
    const { ledgerBalance, ...state } = outcome.account
    const account = present(await accounts.find(accountId), 'an account that was changed')
    const { ownerId } = account
    return renderAccount({ ...account, ...state, ownerId, ledgerBalance: toMinor(ledgerBalance) })
  }
}

function changeProblem(refusal: ChangeAccountRefusal): ProblemError {
  const { code } = refusal
  switch (code) {
    case 'account_frozen':
      return problem(code, { detail: 'The account is frozen: only the bank closes it.' })
    case 'account_not_empty': {
      const { ledgerBalance } = refusal
      return problem(code, {
        detail: `The balance of the account is ${ledgerBalance} minor units, not 0.`,
        facts: { ledger_balance: ledgerBalance },
      })
    }
    case 'account_has_holds': {
      const { held } = refusal
      return problem(code, {
        detail: `${held} minor units of the account are held.`,
        facts: { held },
      })
    }
    case 'overdraft_in_use': {
      const { minimum } = refusal
      return problem(code, {
        detail: `${minimum} minor units of the overdraft are in use.`,
        facts: { minimum },
      })
    }
    default:
      return problem(code)
  }
}
