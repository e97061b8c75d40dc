/**
 * The trial balance: what every account of the bank and all customers together have, in two columns
 * per currency that must be equal, and how much of it is held.
 */
import type { ClientBase, Pool } from 'pg'
import { toBigInt, toSafeInteger } from '../../database/convert.ts'
import { queryOf, statement, type RowOf } from '../../database/statement.ts'
import type { CurrencyCode } from '../../kernel/currency.ts'

/**
 * One row per currency and line, bank accounts by code before the customers. A balance below zero
 * stands in the other column. Reads `account` whole and joins `bank_account` by hash.
 */
export const trialBalanceLines = statement({
  name: 'audit_trial_balance',
  text: `
    with line as (
      select a.currency, b.code, a.id, a.held,
        case a.normal_side when 'debit' then a.ledger_balance else -a.ledger_balance end as debit
      from account as a left join bank_account as b on b.account_id = a.id
    )
    select currency, code, count(id) as account_count, sum(greatest(debit, 0)) as debit,
      sum(greatest(-debit, 0)) as credit, sum(held) as held
    from line
    group by currency, code
    order by currency, code nulls last`,
  parameters: [],
  columns: {
    currency: 'text',
    code: 'text?',
    account_count: 'bigint',
    debit: 'numeric',
    credit: 'numeric',
    held: 'numeric',
  },
})

export interface TrialBalanceLine {
  /** The code of a bank account; `null` for all customers together. */
  code: string | null
  accountCount: number
  debit: bigint
  credit: bigint
  /** Reserved by active holds; a part of the balances and not beside them. */
  held: bigint
}

export interface TrialBalance {
  currency: CurrencyCode
  lines: TrialBalanceLine[]
  /** Sums of the two columns: equal, or money was made or lost. */
  debit: bigint
  credit: bigint
  held: bigint
}

/** One statement, so one snapshot: the columns are equal at every moment. */
export async function trialBalance(client: Pool | ClientBase): Promise<TrialBalance[]> {
  const { rows } = await client.query<RowOf<typeof trialBalanceLines>>(
    queryOf(trialBalanceLines, [], false),
  )
  const balances = new Map<CurrencyCode, TrialBalance>()
  for (const row of rows) {
    const { currency, code } = row
    const line = {
      code,
      accountCount: toSafeInteger(row.account_count),
      debit: toBigInt(row.debit),
      credit: toBigInt(row.credit),
      held: toBigInt(row.held),
    }
    const balance = balances.get(currency) ?? {
      currency,
      lines: [],
      debit: 0n,
      credit: 0n,
      held: 0n,
    }
    balance.lines.push(line)
    balance.debit += line.debit
    balance.credit += line.credit
    balance.held += line.held
    balances.set(currency, balance)
  }
  return [...balances.values()]
}
