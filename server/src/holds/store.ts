/**
 * Reads of holds as they stand now: one that is past its end counts as expired, also before the ledger
 * has come to writing that down. Only the ledger writes them. Nothing here locks anything.
 *
 * Lists are newest first, by keyset along the time-ordered ids: through `hold_debit_account` where an
 * account is given (`hold_active` for the active ones), else through the primary key.
 */
import { sql } from 'kysely'
import { toSafeInteger } from '../database/convert.ts'
import type { Database } from '../database/database.ts'
import type { CurrencyCode } from '../kernel/currency.ts'
import type { Uuid } from '../kernel/ids.ts'
import type { Hold, HoldState } from '../ledger/ledger.ts'

/** A hold with the owner of the account that it is on. */
export interface OwnedHold extends Hold {
  ownerId: Uuid
}

export interface HoldPage {
  /** The account that the money is held on. */
  accountId: Uuid | undefined
  state: HoldState | undefined
  /** Only holds placed before this one. */
  before: Uuid | undefined
  limit: number
}

export interface HoldStore {
  find(id: Uuid): Promise<OwnedHold | undefined>
  list(page: HoldPage): Promise<OwnedHold[]>
}

export function createHoldStore({ kysely }: Pick<Database, 'kysely'>): HoldStore {
  // Which holds, and how they stand at one moment: `bank_now()` goes on while a statement runs.
  function holdsAsTheyStand() {
    return kysely
      .selectFrom('hold')
      .innerJoin(clock, (join) => join.onTrue())
      .selectAll('hold')
      .select(presentState.as('present_state'))
  }

  // At most a page of holds, with whose they are by the primary key of `account`.
  function complete(page: ReturnType<typeof holdsAsTheyStand>) {
    return kysely
      .selectFrom(page.as('page'))
      .innerJoin('account', 'account.id', 'page.debit_account_id')
      .selectAll('page')
      .select('account.owner_id')
      .$narrowType<{ owner_id: Uuid }>()
  }

  return {
    async find(id) {
      const row = await complete(holdsAsTheyStand().where('hold.id', '=', id)).executeTakeFirst()
      return row && toHold(row)
    },

    async list({ accountId, state, before, limit }) {
      let query = holdsAsTheyStand()
      if (accountId !== undefined) query = query.where('hold.debit_account_id', '=', accountId)
      if (before !== undefined) query = query.where('hold.id', '<', before)
      if (state !== undefined) query = query.where(inState(state))
      const page = complete(query.orderBy('hold.id', 'desc').limit(limit))
      const rows = await page.orderBy('page.id', 'desc').execute()
      return rows.map(toHold)
    },
  }
}

const clock = sql<{ at: Date }>`(select bank_now() as at)`.as('clock')
const isOverdue = sql<boolean>`(hold.state = 'active' and hold.expires_at <= clock.at)`
const presentState = sql<HoldState>`case when ${isOverdue} then 'expired' else hold.state end`

/** Said of the columns themselves and not of the present state, so that partial indexes fit. */
function inState(state: HoldState) {
  if (state === 'active') return sql<boolean>`hold.state = 'active' and not ${isOverdue}`
  if (state === 'expired') return sql<boolean>`(hold.state = 'expired' or ${isOverdue})`
  return sql<boolean>`hold.state = ${state}`
}

interface HoldRow {
  id: Uuid
  principal_id: Uuid
  debit_account_id: Uuid
  credit_account_id: Uuid
  amount: string
  captured: string
  currency: CurrencyCode
  present_state: HoldState
  expires_at: Date
  created_at: Date
  owner_id: Uuid
}

function toHold(row: HoldRow): OwnedHold {
  return {
    id: row.id,
    principalId: row.principal_id,
    debitAccountId: row.debit_account_id,
    creditAccountId: row.credit_account_id,
    amount: toSafeInteger(row.amount),
    captured: toSafeInteger(row.captured),
    currency: row.currency,
    state: row.present_state,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    ownerId: row.owner_id,
  }
}
