/**
 * Opening accounts, each in a tx of its own, and reading them: everything of the engine that is not
 * a batch.
 *
 * Locks: an owner's openings are serialised by an advisory lock over the owner's id, taken before
 * anything is read, so the count of the owner's accounts and the key hold until COMMIT. A bank
 * account is made once by its primary key; whoever comes second reads the first one's.
 */
import { CompiledQuery, type Selectable, sql, type Transaction } from 'kysely'
import { assert, present } from '../../kernel/assert.ts'
import type { CurrencyCode } from '../../kernel/currency.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { toBigInt, toSafeInteger } from '../../database/convert.ts'
import { recordAuditEvent } from '../../audit-events/audit-events.ts'
import type { Database } from '../../database/database.ts'
import type { Account, DB } from '../../database/schema.generated.ts'
import { bankNormalSide, decideOpening } from '../core/opening.ts'
import type { Side } from '../core/refusals.ts'
import { encodeRefusal } from '../core/stored-refusal.ts'
import type { NewKey, OpeningDecision, StoredKey } from '../core/types.ts'
import type {
  AccountState,
  BankAccount,
  OpenAccountInstruction,
  OpenAccountOutcome,
  StaffAct,
} from '../engine.ts'
import { uuidArray } from './encode.ts'
import { isTakenKey } from './failure.ts'
import type { KeyMakerSource } from './prepare.ts'
import { readStoredKey, type Row, side, status } from './rows.ts'
import { readKeys } from './statements.ts'

export interface OpenAccounts {
  openAccount(instruction: OpenAccountInstruction): Promise<OpenAccountOutcome>
  openBankAccount(
    code: string,
    currency: CurrencyCode,
    normalSide?: Side,
    act?: StaffAct,
  ): Promise<{ account: BankAccount; created: boolean }>
  findBankAccount(code: string, currency: CurrencyCode): Promise<BankAccount | undefined>
  account(id: Uuid): Promise<AccountState | undefined>
}

export interface OpenAccountsOptions {
  database: Database
  newId: () => Uuid
  keyMaker: KeyMakerSource
}

/** How often an opening starts again because its key was just taken by another instruction. */
const keyTriesMax = 3

export function createOpenAccounts({
  database,
  newId,
  keyMaker,
}: OpenAccountsOptions): OpenAccounts {
  async function openAccount(instruction: OpenAccountInstruction): Promise<OpenAccountOutcome> {
    const maker = keyMaker.known() ?? (await keyMaker.read())
    const keyed = instruction.idempotencyKey ? maker.opening(instruction) : undefined
    for (let tries = 1; ; tries += 1) {
      try {
        return await database.transaction(async (tx) => {
          await lockOwner(tx, instruction.ownerId)
          const { nowMilliseconds, storedKey } = await readKey(tx, keyed?.keyId)
          const decision = decideOpening({
            accountId: newId(),
            instruction,
            keyed,
            storedKey,
            accountCount: await countAccounts(tx, instruction.ownerId),
            nowMilliseconds,
          })
          await writeOpening(tx, decision)
          return decision.outcome
        })
      } catch (error) {
        if (!isTakenKey(error) || tries === keyTriesMax) throw error
      }
    }
  }

  async function openBankAccount(
    code: string,
    currency: CurrencyCode,
    normalSide: Side = bankNormalSide(code),
    act?: StaffAct,
  ): Promise<{ account: BankAccount; created: boolean }> {
    const known = await findBankAccount(database, code, currency)
    if (known) return { account: known, created: false }
    const created = await database.transaction(async (tx) => {
      const accountId = newId()
      const isMade = await insertBankAccount(tx, { accountId, code, currency, normalSide })
      if (isMade && act) await recordOpening(tx, accountId, act)
      return isMade
    })
    const opened = await findBankAccount(database, code, currency)
    return { account: present(opened, 'the bank account that was opened'), created }
  }

  async function account(id: Uuid): Promise<AccountState | undefined> {
    const query = database.kysely.selectFrom('account').selectAll().where('id', '=', id)
    const row = await query.executeTakeFirst()
    return row && accountState(row)
  }

  return {
    openAccount,
    openBankAccount,
    findBankAccount: (code, currency) => findBankAccount(database, code, currency),
    account,
  }
}

/** Waits until no other opening for that owner is under way. */
async function lockOwner(tx: Transaction<DB>, ownerId: Uuid): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${ownerId}, 0))`.execute(tx)
}

/** Business time and the stored key, read after the lock. */
async function readKey(
  tx: Transaction<DB>,
  keyId: Uuid | undefined,
): Promise<{ nowMilliseconds: number; storedKey: StoredKey | undefined }> {
  const values = [uuidArray(keyId === undefined ? [] : [keyId])]
  const query = CompiledQuery.raw(readKeys.text, values)
  const { rows } = await tx.executeQuery<Record<string, unknown>>(query)
  const columns = present(rows[0], 'the row with the present time')
  const row: Row = Object.keys(readKeys.columns).map((name) => {
    const value = columns[name]
    return typeof value === 'string' || typeof value === 'number' ? `${value}` : null
  })
  return {
    nowMilliseconds: Number(row[0]),
    storedKey: row[1] === null ? undefined : readStoredKey(row),
  }
}

async function countAccounts(tx: Transaction<DB>, ownerId: Uuid): Promise<number> {
  const { count } = await tx
    .selectFrom('account')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('owner_id', '=', ownerId)
    .where('status', '<>', 'closed')
    .executeTakeFirstOrThrow()
  return toSafeInteger(count)
}

async function writeOpening(tx: Transaction<DB>, { account, key }: OpeningDecision): Promise<void> {
  if (account) {
    const { id, ownerId, currency, name, createdAt } = account
    const values = { id, owner_id: ownerId, currency, normal_side: 'credit' }
    await tx.insertInto('account').values(values).execute()
    const detail = { account_id: id, name, created_at: createdAt }
    await tx.insertInto('account_detail').values(detail).execute()
  }
  if (key) await insertKey(tx, key)
}

async function insertKey(tx: Transaction<DB>, key: NewKey): Promise<void> {
  const values = {
    id: key.keyId,
    principal_id: key.principalId,
    key: key.key,
    item_index: key.index,
    format: key.format,
    fields: Buffer.from(key.fields, 'hex'),
    request_id: key.requestId,
    transfer_id: key.transferId,
    account_id: key.accountId,
    refusal: key.refusal && JSON.stringify(encodeRefusal(key.refusal)),
    created_at: new Date(key.createdAtMilliseconds),
  }
  await tx.insertInto('idempotency_key').values(values).execute()
}

async function findBankAccount(
  { kysely }: Database,
  code: string,
  currency: CurrencyCode,
): Promise<BankAccount | undefined> {
  const row = await kysely
    .selectFrom('bank_account')
    .innerJoin('account', 'account.id', 'bank_account.account_id')
    .select(['bank_account.account_id', 'bank_account.created_at', 'account.normal_side'])
    .where('bank_account.code', '=', code)
    .where('bank_account.currency', '=', currency)
    .executeTakeFirst()
  if (!row) return undefined
  const normalSide = side(row.normal_side)
  return { accountId: row.account_id, code, currency, normalSide, createdAt: row.created_at }
}

/** False when another tx has made it, for which the insert has waited; nothing is left behind then. */
async function insertBankAccount(
  tx: Transaction<DB>,
  account: Omit<BankAccount, 'createdAt'>,
): Promise<boolean> {
  const { accountId, code, currency, normalSide } = account
  const { rows } = await sql`
    with named as (
      insert into bank_account (code, currency, account_id) values (${code}, ${currency}, ${accountId})
      on conflict (code, currency) do nothing
      returning account_id
    ), opened as (
      insert into account (id, currency, normal_side)
      select account_id, ${currency}, ${normalSide} from named
    )
    select account_id from named`.execute(tx)
  assert(rows.length <= 1, 'one insert names at most one account')
  return rows.length === 1
}

function recordOpening(
  tx: Transaction<DB>,
  accountId: Uuid,
  { principalId: actorId, requestId }: StaffAct,
): Promise<void> {
  const subject = { prefix: 'acct', id: accountId } as const
  return recordAuditEvent(tx, { kind: 'bank_account.opened', actorId, subject, requestId })
}

/** A whole row of `account`. */
export function accountState(row: Selectable<Account>): AccountState {
  return {
    id: row.id,
    ownerId: row.owner_id,
    currency: row.currency,
    normalSide: side(row.normal_side),
    status: status(row.status),
    overdraftLimit: toSafeInteger(row.overdraft_limit),
    transferLimit: row.transfer_limit === null ? null : toSafeInteger(row.transfer_limit),
    dailyLimit: row.daily_limit === null ? null : toSafeInteger(row.daily_limit),
    ledgerBalance: toBigInt(row.ledger_balance),
    held: toSafeInteger(row.held),
    version: toSafeInteger(row.version),
  }
}
