/**
 * What the ledger is measured against, on the same PostgreSQL and in the same run: the transaction
 * of pgbench (TPC-B, scale 50) and the money transfer of the simplebank course, statement by
 * statement, both through the same driver with named statements; and the real pgbench where it is
 * installed.
 */
import { spawn } from 'node:child_process'
import { Client } from 'pg'

const scale = 50
const accountsPerBranch = 100_000
const simplebankAccounts = 10_000

export interface Baselines {
  /** pgbench's TPC-B transaction through the driver, transactions per second. */
  tpcb: number
  /** The simplebank transfer through the driver, transfers per second. */
  simplebank: number
  /** pgbench itself, where it is installed. */
  pgbench: number | undefined
}

const tpcbTables = `
  create table pgbench_branches (bid int not null, bbalance int, filler char(88)) with (fillfactor = 100);
  create table pgbench_tellers (tid int not null, bid int, tbalance int, filler char(84)) with (fillfactor = 100);
  create table pgbench_accounts (aid int not null, bid int, abalance int, filler char(84)) with (fillfactor = 100);
  create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
  insert into pgbench_branches (bid, bbalance) select b, 0 from generate_series(1, ${scale}) b;
  insert into pgbench_tellers (tid, bid, tbalance)
    select t, (t - 1) / 10 + 1, 0 from generate_series(1, ${scale * 10}) t;
  insert into pgbench_accounts (aid, bid, abalance, filler)
    select a, (a - 1) / ${accountsPerBranch} + 1, 0, '' from generate_series(1, ${scale * accountsPerBranch}) a;
  alter table pgbench_branches add primary key (bid);
  alter table pgbench_tellers add primary key (tid);
  alter table pgbench_accounts add primary key (aid);
`

// The schema of the course, with its indexes and foreign keys.
const simplebankTables = `
  create table accounts (id bigserial primary key, owner varchar not null, balance bigint not null,
    currency varchar not null, created_at timestamptz not null default now());
  create table entries (id bigserial primary key, account_id bigint not null references accounts,
    amount bigint not null, created_at timestamptz not null default now());
  create table transfers (id bigserial primary key, from_account_id bigint not null references accounts,
    to_account_id bigint not null references accounts, amount bigint not null,
    created_at timestamptz not null default now());
  create index on accounts (owner); create index on entries (account_id);
  create index on transfers (from_account_id); create index on transfers (to_account_id);
  create index on transfers (from_account_id, to_account_id);
  insert into accounts (owner, balance, currency)
    select 'owner' || a, 1000000000, 'EUR' from generate_series(1, ${simplebankAccounts}) a;
`

function randomUpTo(max: number): number {
  return 1 + Math.floor(Math.random() * max)
}

type Run = (name: string, text: string, values: unknown[]) => Promise<unknown>

async function tpcb(run: Run): Promise<void> {
  const account = randomUpTo(scale * accountsPerBranch)
  const teller = randomUpTo(scale * 10)
  const branch = randomUpTo(scale)
  const delta = randomUpTo(10_000) - 5000
  await run('t1', 'update pgbench_accounts set abalance = abalance + $1 where aid = $2', [
    delta,
    account,
  ])
  await run('t2', 'select abalance from pgbench_accounts where aid = $1', [account])
  await run('t3', 'update pgbench_tellers set tbalance = tbalance + $1 where tid = $2', [
    delta,
    teller,
  ])
  await run('t4', 'update pgbench_branches set bbalance = bbalance + $1 where bid = $2', [
    delta,
    branch,
  ])
  await run(
    't5',
    'insert into pgbench_history (tid, bid, aid, delta, mtime) values ($1, $2, $3, $4, current_timestamp)',
    [teller, branch, account, delta],
  )
}

async function simplebank(run: Run): Promise<void> {
  const from = randomUpTo(simplebankAccounts)
  const to = (from % simplebankAccounts) + 1
  const add = 'update accounts set balance = balance + $1 where id = $2 returning *'
  const entry = 'insert into entries (account_id, amount) values ($1, $2) returning *'
  await run(
    's1',
    'insert into transfers (from_account_id, to_account_id, amount) values ($1, $2, $3) returning *',
    [from, to, 1],
  )
  await run('s2', entry, [from, -1])
  await run('s2', entry, [to, 1])
  const sides: [number, number][] =
    from < to
      ? [
          [-1, from],
          [1, to],
        ]
      : [
          [1, to],
          [-1, from],
        ]
  for (const side of sides) await run('s3', add, side)
}

async function measure(
  url: string,
  clients: number,
  seconds: number,
  transaction: (run: Run) => Promise<void>,
): Promise<number> {
  let completed = 0
  const started = performance.now()
  const end = started + seconds * 1000
  await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = new Client({ connectionString: url })
      await client.connect()
      const run: Run = (name, text, values) => client.query({ name, text, values })
      while (performance.now() < end) {
        await client.query('begin')
        await transaction(run)
        await client.query('commit')
        completed += 1
      }
      await client.end()
    }),
  )
  return completed / ((performance.now() - started) / 1000)
}

function runPgbench(url: string, clients: number, seconds: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const { password, ...rest } = connectionParts(url)
    const child = spawn(
      'pgbench',
      [
        '-n',
        '-M',
        'prepared',
        '-c',
        String(clients),
        '-j',
        '1',
        '-T',
        String(seconds),
        '-s',
        String(scale),
      ],
      {
        env: { ...process.env, ...rest, PGPASSWORD: password },
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    )
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', () => resolve(undefined))
    child.on('close', () => {
      const tps = /tps = ([\d.]+)/.exec(output)?.[1]
      resolve(tps === undefined ? undefined : Number(tps))
    })
  })
}

function connectionParts(url: string): { password: string } & Record<string, string> {
  const parsed = new URL(url)
  return {
    PGHOST: parsed.searchParams.get('host') ?? parsed.hostname,
    PGPORT: parsed.port || '5432',
    PGUSER: decodeURIComponent(parsed.username),
    PGDATABASE: parsed.pathname.slice(1),
    password: decodeURIComponent(parsed.password),
  }
}

/** Makes the tables of the baselines in the (empty) database at `url`. */
export async function prepareBaselines(url: string): Promise<void> {
  await execute(url, [tpcbTables, simplebankTables, 'vacuum analyze', 'checkpoint'])
}

/**
 * Measures all baselines, one after the other, with 32 connections each. What they leave for autovacuum
 * is done with at the end, or it would be done beside what is measured next.
 */
export async function measureBaselines(url: string, seconds: number): Promise<Baselines> {
  const clients = 32
  const baselines = {
    tpcb: await measure(url, clients, seconds, tpcb),
    simplebank: await measure(url, clients, seconds, simplebank),
    pgbench: await runPgbench(url, clients, seconds),
  }
  await execute(url, ['vacuum analyze'])
  return baselines
}

async function execute(url: string, statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}
