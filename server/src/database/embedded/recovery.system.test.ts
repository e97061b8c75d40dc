import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  findWatchdogOf,
  startEmbeddedServer,
} from '../../../../test/support/embedded-server-process.ts'
import type { EmbeddedServerProcess } from '../../../../test/support/embedded-server-process.ts'
import { createTestFolder } from '../../../../test/support/postgres.ts'
import type { TestFolder } from '../../../../test/support/postgres.ts'
import { queryOnce } from '../../../../test/support/query.ts'
import { findPostgresOf, isAlive, signal, waitForEnd } from './processes.ts'

const LIMIT_MILLISECONDS = 60_000

let folder: TestFolder
let data: string
let cluster: string
const servers: EmbeddedServerProcess[] = []

beforeEach(async () => {
  folder = await createTestFolder()
  data = join(folder.path, 'data')
  cluster = join(data, 'postgres')
})

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.kill('SIGTERM')
    await server.ended
  }
  await folder.remove()
})

async function start() {
  const server = startEmbeddedServer(data)
  servers.push(server)
  const ready = await server.ready
  if (!ready) throw new Error(server.messages())
  return { server, ...ready }
}

/** Starts, commits a row, and leaves the rest to the test. */
async function startWithRow() {
  const running = await start()
  await queryOnce(running.ownerUrl, 'create table kept as select 42 as answer')
  return running
}

async function answerKept(ownerUrl: string): Promise<number | undefined> {
  const [row] = await queryOnce<{ answer: number }>(ownerUrl, 'select answer from kept')
  return row?.answer
}

async function kill(...pids: readonly number[]): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGKILL')
  for (const pid of pids) expect(await waitForEnd(pid, LIMIT_MILLISECONDS)).toBe(true)
}

async function killWatchdog(postgresPid: number): Promise<void> {
  await kill(await findWatchdogOf(postgresPid))
}

test('after kill -9 of the server its PostgreSQL stops by itself, and the next start has the data', async () => {
  const { server, postgresPid } = await startWithRow()
  await kill(server.pid)
  expect(await waitForEnd(postgresPid, LIMIT_MILLISECONDS)).toBe(true)
  expect(await answerKept((await start()).ownerUrl)).toBe(42)
})

test('an orphaned PostgreSQL is stopped and the next start has the data', async () => {
  const { server, postgresPid } = await startWithRow()
  await killWatchdog(postgresPid)
  await kill(server.pid)
  expect(await isAlive(postgresPid)).toBe(true)
  const next = await start()
  expect(next.server.messages()).toContain(`stopping the PostgreSQL (pid ${postgresPid})`)
  expect(await isAlive(postgresPid)).toBe(false)
  expect(await answerKept(next.ownerUrl)).toBe(42)
})

test('after kill -9 of everything the next start recovers what was committed', async () => {
  const { server, postgresPid } = await startWithRow()
  await killWatchdog(postgresPid)
  await kill(server.pid, ...(await findPostgresOf(cluster)))
  expect(await answerKept((await start()).ownerUrl)).toBe(42)
})

test('kill -9 of PostgreSQL alone is noticed by the server, and the next start recovers', async () => {
  const { server, postgresPid } = await startWithRow()
  signal(postgresPid, 'SIGKILL')
  // Nothing else keeps this server running.
  expect(await server.ended).toBe(0)
  expect(await answerKept((await start()).ownerUrl)).toBe(42)
})

test('a backend that outlived its postmaster does not block the next start', async () => {
  const { server, postgresPid, ownerUrl } = await startWithRow()
  const query = queryOnce(ownerUrl, 'select pg_sleep(3600)').catch(() => 'ended')
  await expect
    .poll(() => queryOnce(ownerUrl, `select from pg_stat_activity where wait_event = 'PgSleep'`))
    .toHaveLength(1)
  const backends = (await findPostgresOf(cluster)).filter((pid) => pid !== postgresPid)
  // Stopped processes do not see that the postmaster is gone.
  for (const pid of backends) signal(pid, 'SIGSTOP')
  await killWatchdog(postgresPid)
  await kill(server.pid, postgresPid)
  expect(await answerKept((await start()).ownerUrl)).toBe(42)
  expect(await query).toBe('ended')
  expect(await findPostgresOf(cluster)).not.toEqual(expect.arrayContaining(backends))
})

test('lock files whose pid now belongs to another process are survived, and that process, too', async () => {
  const { server, postgresPid } = await startWithRow()
  const pidFile = await readFile(join(cluster, 'postmaster.pid'), 'utf8')
  await killWatchdog(postgresPid)
  await kill(server.pid, ...(await findPostgresOf(cluster)))
  const stranger = spawn('sleep', ['3600'], { stdio: 'ignore' })
  try {
    const strangerFile = pidFile.replace(/^\d+/, String(stranger.pid))
    await writeFile(join(cluster, 'postmaster.pid'), strangerFile)
    await writeFile(join(cluster, '.s.PGSQL.5432.lock'), strangerFile)
    expect(await answerKept((await start()).ownerUrl)).toBe(42)
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull()
  } finally {
    stranger.kill('SIGKILL')
    await once(stranger, 'exit')
  }
})

test('a start that is killed in the middle of initdb leaves nothing that is taken for a database', async () => {
  const killed = startEmbeddedServer(data)
  // initdb writes the control file near the middle of its work; it goes on after the kill.
  await expect.poll(() => filesBelow(data), { interval: 1 }).toContain('pg_control')
  await kill(killed.pid)
  expect(await readdir(data)).not.toContain('postgres')
  const { ownerUrl } = await start()
  expect(await queryOnce(ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }])
  const left = await readdir(data)
  expect(left.filter((name) => name.startsWith('postgres.unfinished'))).toEqual([])
})

test('an existing database whose passwords are gone is refused with the name of what is missing', async () => {
  const { server } = await start()
  server.kill('SIGTERM')
  await server.ended
  await rm(join(data, 'postgres-passwords.json'))
  const next = startEmbeddedServer(data)
  expect(await next.ended).toBe(1)
  expect(next.messages()).toContain(`${join(data, 'postgres-passwords.json')} is missing`)
})

async function filesBelow(path: string): Promise<string[]> {
  const paths = await readdir(path, { recursive: true }).catch(() => [])
  return paths.map((name) => basename(name))
}
