/**
 * The restore drill of docs/operating/backup-and-restore.md on a real PostgreSQL: a base backup is taken and the
 * WAL is archived under load, and a copy is recovered to a random moment of it. The copy has exactly
 * the transfers that had committed until then, and the auditor is silent on it.
 */
import { randomInt } from 'node:crypto'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { startEmbeddedPostgres } from '../../server/src/database/embedded/embedded-postgres.ts'
import { createDatabase } from '../../server/src/database/database.ts'
import { migrateBank } from '../../server/src/process/database.ts'
import { createSealer } from '../../server/src/ledger/postgres/sealer.ts'
import { createTestFolder } from '../../test/support/postgres.ts'
import { queryOnce } from '../../test/support/query.ts'
import { runCommand } from '../../tools/command.ts'
import { judge, type Check, type Verdict } from './support/check.ts'
import { postUntil } from './support/ledger-load.ts'

const transfersBefore = 200
const transfersAfter = 600
/** Transfers around the random one, in which the longest pause between two commits is the moment. */
const window = 60

export const check: Check = {
  name: 'restore drill',
  async run(): Promise<Verdict> {
    const folder = await createTestFolder()
    try {
      return await drill(folder.path)
    } finally {
      await folder.remove()
    }
  },
}

interface Committed {
  id: string
  /** As PostgreSQL writes it, to the microsecond. */
  at: string
  microseconds: string
}

async function drill(folder: string): Promise<Verdict> {
  const [archive, source, copy] = ['archive', 'source', 'copy'].map((name) => join(folder, name))
  if (archive === undefined || source === undefined || copy === undefined) throw new Error('paths')
  await mkdir(archive)
  const { committed, backedUpAt, version } = await makeSource(source, archive, copy)
  const { moment, expected } = chooseMoment(committed, backedUpAt)
  const restored = await startEmbeddedPostgres({
    dataDirectory: copy,
    log: () => {},
    settings: {
      restore_command: `cp ${archive}/%f %p`,
      recovery_target_time: moment,
      recovery_target_action: 'promote',
      // Nobody gets in before the moment is reached.
      hot_standby: 'off',
      track_commit_timestamp: 'on',
    },
  })
  try {
    const rows = await queryOnce<{ id: string }>(restored.ownerUrl, 'select id from transfer')
    const settings = { DATABASE_URL: restored.ownerUrl, APP_ENV_FILE: '/dev/null' }
    const verdict = await runCommand(['audit'], { settings })
    const problems = [
      ...findDifferences(new Set(rows.map(({ id }) => id)), expected),
      ...(verdict.includes('The books are right') ? [] : [verdict]),
    ]
    const detail = `${expected.size} of ${committed.length} transfers, those until ${moment}`
    return judge(`PostgreSQL ${version}`, problems, detail)
  } finally {
    await restored.stop()
  }
}

/** A bank under load, backed up in the middle; resolves when all its WAL is archived. */
async function makeSource(
  dataDirectory: string,
  archive: string,
  copy: string,
): Promise<{ committed: Committed[]; backedUpAt: bigint; version: string }> {
  const postgres = await startEmbeddedPostgres({
    dataDirectory,
    log: () => {},
    settings: {
      wal_level: 'replica',
      archive_mode: 'on',
      archive_command: `test ! -f ${archive}/%f && cp %p ${archive}/%f`,
      // So that the truth is known; a restore does not need it.
      track_commit_timestamp: 'on',
    },
  })
  try {
    await migrateBank(postgres, () => {})
    const load = await postUntil(postgres.url)
    const sealing = startSealing(postgres.url)
    await load.posted(transfersBefore)
    const backedUpAt = await backUp(postgres.superuserUrl, dataDirectory, copy)
    await load.posted(transfersAfter)
    await load.stop()
    await sealing.stop()
    const committed = await queryOnce<Committed>(
      postgres.superuserUrl,
      `select id, at::text, (extract(epoch from at) * 1000000)::bigint::text as microseconds
       from (select id, pg_xact_commit_timestamp(xmin) as at from transfer) as t order by at, id`,
    )
    await archiveAll(postgres.superuserUrl)
    const [row] = await queryOnce<{ version: string }>(
      postgres.superuserUrl,
      `select current_setting('server_version') as version`,
    )
    return { committed, backedUpAt, version: row?.version ?? 'unknown' }
  } finally {
    await postgres.stop()
  }
}

function startSealing(url: string): { stop(): Promise<void> } {
  const database = createDatabase({
    url,
    poolSize: 1,
    applicationName: 'restore drill',
    namedStatements: true,
  })
  const sealer = createSealer({ database, intervalMilliseconds: 20, onError: () => {} })
  sealer.start()
  return {
    async stop() {
      await sealer.stop()
      await database.close()
    },
  }
}

/**
 * A base backup by PostgreSQL's own functions: what pg_basebackup does, for whoever has only npm.
 * Resolves with its end, in microseconds: no restore to a moment before that.
 */
async function backUp(superuserUrl: string, source: string, copy: string): Promise<bigint> {
  const client = new Client({ connectionString: superuserUrl })
  await client.connect()
  try {
    await client.query(`select pg_backup_start('restore drill', true)`)
    await cp(source, copy, {
      recursive: true,
      // Files that come and go, sockets, and what belongs to the running server.
      filter: (path) => !/\/(postmaster\.pid|server\.(lock|pid)|\.s\.PGSQL[^/]*)$/.test(path),
    })
    const { rows } = await client.query<{ labelfile: string }>('select * from pg_backup_stop()')
    const cluster = join(copy, 'postgres')
    await rm(join(cluster, 'pg_wal'), { recursive: true })
    await mkdir(join(cluster, 'pg_wal', 'archive_status'), { recursive: true, mode: 0o700 })
    await writeFile(join(cluster, 'backup_label'), rows[0]?.labelfile ?? '')
    await writeFile(join(cluster, 'recovery.signal'), '')
    const now = await client.query<{ now: string }>(
      `select (extract(epoch from clock_timestamp()) * 1000000)::bigint::text as now`,
    )
    return BigInt(now.rows[0]?.now ?? 0)
  } finally {
    await client.end()
  }
}

async function archiveAll(superuserUrl: string): Promise<void> {
  const [last] = await queryOnce<{ name: string }>(
    superuserUrl,
    'select pg_walfile_name(pg_switch_wal()) as name',
  )
  for (;;) {
    const [row] = await queryOnce<{ name: string | null }>(
      superuserUrl,
      'select last_archived_wal as name from pg_stat_archiver',
    )
    if ((row?.name ?? '') >= (last?.name ?? '')) return
    await delay(50)
  }
}

/**
 * A moment among the transfers after the backup, in a pause between two commits: a commit takes its
 * time a little before its place in the WAL.
 */
function chooseMoment(
  committed: readonly Committed[],
  backedUpAt: bigint,
): { moment: string; expected: Set<string> } {
  const earliest = committed.findIndex(({ microseconds }) => BigInt(microseconds) > backedUpAt)
  const first = randomInt(earliest, committed.length - window)
  let best = first
  const gap = (index: number) =>
    BigInt(committed[index + 1]?.microseconds ?? 0) - BigInt(committed[index]?.microseconds ?? 0)
  for (let index = first; index < first + window - 1; index += 1) {
    if (gap(index) > gap(best)) best = index
  }
  const before = BigInt(committed[best]?.microseconds ?? 0)
  const microseconds = before + gap(best) / 2n
  const seconds = new Date(Number(microseconds / 1000n)).toISOString().slice(0, 19)
  const moment = `${seconds}.${String(microseconds % 1_000_000n).padStart(6, '0')}+00`
  return { moment, expected: new Set(committed.slice(0, best + 1).map(({ id }) => id)) }
}

function findDifferences(found: ReadonlySet<string>, expected: ReadonlySet<string>): string[] {
  const lost = [...expected].filter((id) => !found.has(id)).length
  const extra = [...found].filter((id) => !expected.has(id)).length
  if (lost + extra === 0) return []
  return [`${lost} transfers from before the moment are missing, ${extra} from after it are there`]
}
