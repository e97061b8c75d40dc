import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createTestFolder } from '../../../../test/support/postgres.ts'
import type { TestFolder } from '../../../../test/support/postgres.ts'
import { startEmbeddedServer } from '../../../../test/support/embedded-server-process.ts'
import { queryOnce } from '../../../../test/support/query.ts'
import { attachEmbeddedPostgres } from './attach.ts'
import { startEmbeddedPostgres } from './embedded-postgres.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'
import { findPostgresOf, isAlive } from './processes.ts'

let folder: TestFolder
const started: EmbeddedPostgres[] = []

beforeEach(async () => {
  folder = await createTestFolder()
})

afterEach(async () => {
  await Promise.all(started.splice(0).map((postgres) => postgres.stop()))
  await folder.remove()
})

async function start(dataDirectory: string, log: string[] = []): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDirectory, log: (line) => log.push(line) })
  started.push(postgres)
  return postgres
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

describe('a first start', () => {
  test('is durable: fsync, synchronous_commit, full_page_writes and checksums are on', async () => {
    const log: string[] = []
    const postgres = await start(join(folder.path, 'data'), log)
    const rows = await queryOnce<{ name: string; setting: string }>(
      postgres.url,
      `select name, setting from pg_settings where name in
        ('fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums')`,
    )
    expect(rows.map(({ setting }) => setting)).toEqual(['on', 'on', 'on', 'on'])
    expect(log).toEqual([`preparing a new database in ${postgres.dataDirectory} ...`])
  })

  test('keeps strangers out: private folder and files, no TCP, no login without a password', async () => {
    const postgres = await start(join(folder.path, 'data'))
    expect(await modeOf(postgres.dataDirectory)).toBe('700')
    const files = (await readdir(postgres.dataDirectory)).toSorted()
    expect(files).toEqual([
      'postgres',
      'postgres-passwords.json',
      'postgres.log',
      'server.lock',
      'server.pid',
    ])
    const modes = await Promise.all(files.map((name) => modeOf(join(postgres.dataDirectory, name))))
    expect(modes).toEqual(['700', '600', '600', '600', '600'])
    const [listen] = await queryOnce(postgres.url, 'show listen_addresses')
    expect(listen).toEqual({ listen_addresses: '' })
    const withoutPassword = postgres.superuserUrl.replace(/:[^:@]+@/, ':wrong@')
    await expect(queryOnce(withoutPassword, 'select')).rejects.toMatchObject({ code: '28P01' })
  })

  test('makes an owner who may create tables and a server login that may not', async () => {
    const postgres = await start(join(folder.path, 'data'))
    await queryOnce(postgres.ownerUrl, 'create table made_by_the_owner ()')
    await expect(queryOnce(postgres.url, 'create table stray ()')).rejects.toMatchObject({
      code: '42501',
    })
    const logins = await queryOnce(
      postgres.ownerUrl,
      `select rolname, rolsuper, rolcanlogin from pg_roles where rolname like 'tallystick%' order by 1`,
    )
    expect(logins).toEqual([
      { rolname: 'tallystick', rolsuper: false, rolcanlogin: true },
      { rolname: 'tallystick_owner', rolsuper: false, rolcanlogin: true },
      { rolname: 'tallystick_server', rolsuper: false, rolcanlogin: false },
    ])
  })
})

test('a second start reuses the data and prepares nothing', async () => {
  const first = await start(join(folder.path, 'data'))
  await queryOnce(first.ownerUrl, 'create table kept as select 42 as answer')
  await first.stop()
  const log: string[] = []
  const second = await start(join(folder.path, 'data'), log)
  expect(await queryOnce(second.ownerUrl, 'select answer from kept')).toEqual([{ answer: 42 }])
  expect(log).toEqual([])
})

test('stop ends every process, may be called twice, and tells through exited', async () => {
  const postgres = await start(join(folder.path, 'data'))
  await Promise.all([postgres.stop(), postgres.stop()])
  expect(await postgres.exited).toEqual({ code: 0, signal: null })
  expect(await isAlive(postgres.pid)).toBe(false)
  const cluster = join(postgres.dataDirectory, 'postgres')
  expect(await findPostgresOf(cluster)).toEqual([])
  expect(await readdir(cluster)).not.toContain('postmaster.pid')
})

describe('a second server on the same folder', () => {
  test('of the same process refuses, naming folder and pid, and harms nothing', async () => {
    const postgres = await start(join(folder.path, 'data'))
    const refusal = await start(postgres.dataDirectory).catch(String)
    expect(refusal).toContain(`pid ${process.pid}`)
    expect(refusal).toContain(postgres.dataDirectory)
    expect(await queryOnce(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  test('of another process refuses, naming folder and pid, and may start after the first', async () => {
    const postgres = await start(join(folder.path, 'data'))
    const second = startEmbeddedServer(postgres.dataDirectory)
    expect(await second.ended).toBe(1)
    expect(second.messages()).toContain(`another server (pid ${process.pid})`)
    expect(second.messages()).toContain(postgres.dataDirectory)
    await postgres.stop()
    const third = startEmbeddedServer(postgres.dataDirectory)
    expect(await third.ready).toBeDefined()
    third.kill('SIGTERM')
    expect(await third.ended).toBe(0)
  })
})

describe('attachEmbeddedPostgres', () => {
  test('finds the PostgreSQL of a running bank, and nothing before and after', async () => {
    const data = join(folder.path, 'data')
    expect(await attachEmbeddedPostgres(data)).toBeUndefined()
    const postgres = await start(data)
    const { url, ownerUrl, superuserUrl } = postgres
    expect(await attachEmbeddedPostgres(data)).toEqual({ url, ownerUrl, superuserUrl })
    await postgres.stop()
    expect(await attachEmbeddedPostgres(data)).toBeUndefined()
  })
})

describe('the path of the data folder', () => {
  test('may be too long for a socket: it listens on loopback TCP, still with a password', async () => {
    const long = join(folder.path, 'a-folder-with-a-long-name'.repeat(4))
    await mkdir(long)
    const { url, ownerUrl, superuserUrl } = await start(join(long, 'data'))
    const rows = await queryOnce(url, 'select host(inet_server_addr()) as host')
    expect(rows).toEqual([{ host: '127.0.0.1' }])
    await expect(queryOnce(url.replace(/:[^:@]+@/, ':wrong@'), 'select')).rejects.toMatchObject({
      code: '28P01',
    })
    expect(await attachEmbeddedPostgres(join(long, 'data'))).toEqual({
      url,
      ownerUrl,
      superuserUrl,
    })
  })

  test('may hold blanks, commas, quotes and letters of any script', async () => {
    const postgres = await start(join(folder.path, `it's "a, b" ü/データ`))
    expect(await queryOnce(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(await attachEmbeddedPostgres(postgres.dataDirectory)).toBeDefined()
  })
})
