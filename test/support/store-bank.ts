/**
 * What tests of stores start from: a database of their own, the real ledger on it, and users. Money
 * gets into it as it does in life, by instructions; only what must be large is written by SQL.
 */
import { Kysely, PostgresDialect, type CompiledQuery } from 'kysely'
import { Client, Pool } from 'pg'
import type { Database } from '../../server/src/database/database.ts'
import type { DB } from '../../server/src/database/schema.generated.ts'
import { createUuidSource, type Uuid } from '../../server/src/kernel/ids.ts'
import { MINOR_MAX } from '../../server/src/kernel/money.ts'
import type {
  LedgerEngine,
  Party,
  PostedTransfer,
  TransferInstruction,
} from '../../server/src/ledger/ledger.ts'
import { createPostgresLedger } from '../../server/src/ledger/postgres/postgres-ledger.ts'
import { createTestDatabase } from './database.ts'

type Order = Partial<TransferInstruction> & { debit: Party; credit: Party }

export interface StoreBank {
  /** Where the server logs in. */
  url: string
  kysely: Database['kysely']
  /** What `kysely` ran, last one last. */
  queries: CompiledQuery[]
  /** A client of the owner, for what the server's login may not do. */
  owner: Client
  ledger: LedgerEngine
  newUuid: () => Uuid
  /** Adds a user; returns the id. */
  user(username: string, fullName?: string): Promise<Uuid>
  open(ownerId: Uuid, currency?: string, name?: string): Promise<Uuid>
  /** Posts in EUR, 100 by default, on the say-so of `principalId` (staff by default). */
  post(order: Order): Promise<PostedTransfer>
  close(): Promise<void>
}

export async function createStoreBank(): Promise<StoreBank> {
  const database = await createTestDatabase()
  const queries: CompiledQuery[] = []
  const pool = new Pool({ connectionString: database.url, max: 2 })
  const kysely = new Kysely<DB>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => {
      queries.push(query)
    },
  })
  const owner = new Client({ connectionString: database.ownerUrl })
  await owner.connect()
  const ledger = createPostgresLedger({
    url: database.url,
    namedStatements: true,
    transferAmountMax: MINOR_MAX,
  })
  const newUuid = createUuidSource()
  const staff = newUuid()

  return {
    url: database.url,
    kysely,
    queries,
    owner,
    ledger,
    newUuid,
    async user(username, fullName = `Full Name of ${username}`) {
      const id = newUuid()
      await owner.query(
        `insert into app_user (id, username, full_name, email, password_hash)
         values ($1, $2, $3, $2 || '@example.com', $4)`,
        [id, username, fullName, `$2b$12$${'x'.repeat(53)}`],
      )
      return id
    },
    async open(ownerId, currency = 'EUR', name) {
      const outcome = await ledger.openAccount({
        ownerId,
        currency,
        name: name ?? null,
        accountsMax: 100,
        requestId: 'arrange',
        idempotencyKey: null,
      })
      if (outcome.kind !== 'opened') throw new Error('the account was not opened')
      return outcome.account.id
    },
    async post(order) {
      const outcome = await ledger.post({
        kind: order.principalId === undefined ? 'deposit' : 'transfer',
        principalId: staff,
        authority: order.principalId === undefined ? 'staff' : 'owner',
        idempotencyKey: { key: newUuid(), index: 0 },
        requestId: 'arrange',
        amount: 100,
        currency: 'EUR',
        description: null,
        reference: null,
        metadata: null,
        ...order,
      })
      if (outcome.kind !== 'posted') throw new Error(`not posted: ${outcome.refusal.code}`)
      return outcome.transfer
    },
    async close() {
      await ledger.stop()
      await kysely.destroy()
      await owner.end()
      await database.drop()
    },
  }
}

export const cash: Party = { bankCode: 'cash' }

/** Where {@link fillTransfers} puts its money. */
export interface Filling {
  /** Has an entry in two of three transfers, on alternating sides: seq 1 to `entries`. */
  busy: Uuid
  entries: number
}

/**
 * Writes 30,000 transfers among 2,000 accounts of as many users by SQL, one every second, each
 * tenth with a reference (`ref 0` to `ref 9`). Balances are not kept: plans do not look at them.
 */
export async function fillTransfers({ owner, newUuid }: StoreBank): Promise<Filling> {
  const prefix = newUuid().slice(0, 24)
  await owner.query(`
    create temporary table thing as
      select n, ('${prefix}' || lpad(to_hex(n), 12, '0'))::uuid as id from generate_series(0, 1999) n;
    insert into app_user (id, username, full_name, email, password_hash)
      select id, 'filler_' || n, 'Filler ' || n, n || '@example.com', '$2b$12$' || repeat('x', 53)
      from thing;
    insert into account (id, owner_id, currency, normal_side, version)
      select id, id, 'EUR', 'credit', case n when 0 then 20000 else 0 end from thing;
    insert into transfer
      select ('${prefix}' || lpad(to_hex(1000000 + turn), 12, '0'))::uuid, 1, 0, 'transfer', debit.id,
        debit.id, credit.id, 1, 'EUR',
        case debit.n when 0 then 1 + turn / 3 * 2 else 100000 + turn end,
        case credit.n when 0 then 2 + turn / 3 * 2 else 100000 + turn end,
        0, 0, '2026-01-01T00:00:00Z'::timestamptz + turn * interval '1 second'
      from generate_series(0, 29999) turn
      join thing as debit on debit.n = case turn % 3 when 0 then 0 else 1 + turn % 1000 end
      join thing as credit on credit.n = case turn % 3 when 1 then 0 else 1001 + turn % 998 end
      order by turn;
    insert into transfer_text (transfer_id, debit_account_id, credit_account_id, reference)
      select id, debit_account_id, credit_account_id,
        'ref ' || extract(epoch from created_at)::bigint / 10 % 10
      from transfer where extract(epoch from created_at)::bigint % 10 = 0;
  `)
  for (const table of ['app_user', 'account', 'transfer', 'transfer_text']) {
    await owner.query(`vacuum analyze ${table}`)
  }
  return { busy: `${prefix}000000000000`, entries: 20_000 }
}

export interface PlanNode {
  type: string
  index: string | undefined
  relation: string | undefined
  /** Pages that the node and what is under it read. */
  buffers: number
  rows: number
}

/** Runs the query with EXPLAIN ANALYZE; all nodes of its plan, the topmost first. */
export async function explain({ owner }: StoreBank, query: CompiledQuery): Promise<PlanNode[]> {
  const text = `explain (analyze, buffers, format json) ${query.sql}`
  const { rows } = await owner.query<Record<string, [{ Plan: RawNode }]>>(text, [
    ...query.parameters,
  ])
  const plan = rows[0]?.['QUERY PLAN']?.[0].Plan
  if (!plan) throw new Error('there is no plan')
  return flatten(plan)
}

interface RawNode {
  'Node Type': string
  'Index Name'?: string
  'Relation Name'?: string
  'Shared Hit Blocks': number
  'Shared Read Blocks': number
  'Actual Rows': number
  Plans?: RawNode[]
}

function flatten(node: RawNode): PlanNode[] {
  const own = {
    type: node['Node Type'],
    index: node['Index Name'],
    relation: node['Relation Name'],
    buffers: node['Shared Hit Blocks'] + node['Shared Read Blocks'],
    rows: node['Actual Rows'],
  }
  return [own, ...(node.Plans ?? []).flatMap(flatten)]
}
