import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { generateTokenKey } from '../../server/src/identity/tokens/token-key.ts'
import { createTestFolder, startTestPostgres, type TestFolder } from '../support/postgres.ts'
import { isAlive, spawnBank, untilOf, type SpawnedBank } from './bank.ts'

let folder: TestFolder
let dataDirectory: string
let banks: SpawnedBank[]

beforeEach(async () => {
  folder = await createTestFolder()
  dataDirectory = join(folder.path, 'data')
  banks = []
})

afterEach(async () => {
  for (const bank of banks) {
    if (isAlive(bank.pid)) process.kill(bank.pid, 'SIGTERM')
    await bank.closed
  }
  await folder.remove()
})

function start(settings: Readonly<Record<string, string>> = {}): SpawnedBank {
  const bank = spawnBank({ DATA_DIR: dataDirectory, BCRYPT_COST: '4', ...settings })
  banks.push(bank)
  return bank
}

/** A port of the loopback address that somebody listens on. */
async function busyAddress(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

describe('an embedded bank', () => {
  test('makes its database, key and first admin once, and shows the login once', async () => {
    const first = start()
    const { api } = await first.opened()
    await untilOf(first, () => first.stderr().includes('Ctrl-C'))
    expect((await fetch(`${api}/readyz`)).status).toBe(200)
    const login = await readFile(join(dataDirectory, 'first-admin.txt'), 'utf8')
    const password = /password: (\S+)/.exec(login)?.[1] ?? 'none'
    expect(first.stderr()).toContain(`username admin, password ${password}`)
    expect(first.stderr()).toContain(`${api}/docs`)
    expect(first.stdout()).toContain('made a random token key and keep it in')
    expect(first.stdout()).not.toContain(password)
    const session = await fetch(`${api}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'admin', password }),
    })
    const token = /"access_token":"([^"]+)"/.exec(await session.text())?.[1] ?? 'none'
    process.kill(first.pid, 'SIGTERM')
    expect(await first.exited).toBe(0)

    const second = start()
    const again = await second.opened()
    await untilOf(second, () => second.stderr().includes('Ctrl-C'))
    expect(second.stdout()).not.toContain('made a random token key')
    expect(second.stderr()).not.toContain(password)
    expect(second.stderr()).toContain('first-admin.txt')
    const me = await fetch(`${again.api}/v1/users/me`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(me.status).toBe(200)
    for (const file of ['token-key.txt', 'first-admin.txt']) {
      expect((await stat(join(dataDirectory, file))).mode & 0o777).toBe(0o600)
    }
  })

  test('refuses a data folder that another server has, and leaves that one alone', async () => {
    const first = start()
    const { api } = await first.opened()
    const second = start()
    expect(await second.exited).toBe(1)
    expect(second.stderr()).toMatch(/another server \(pid \d+\) is running on the data folder/)
    expect(second.stderr()).not.toContain('    at ')
    expect((await fetch(`${api}/readyz`)).status).toBe(200)
  })

  test.each(['SERVER_ADDRESS', 'METRICS_ADDRESS'])(
    'names %s when its port is busy, and leaves nothing running',
    async (setting) => {
      const bank = start({ [setting]: await busyAddress() })
      expect(await bank.exited).toBe(1)
      expect(bank.stderr()).toContain('another program listens there')
      expect(bank.stderr()).toContain(`Set ${setting} to another address`)
      expect(bank.stderr()).not.toContain('    at ')
      await bank.closed
    },
  )

  test('speaks JSON only on standard output', async () => {
    const bank = start({ LOG_LEVEL: 'debug' })
    const { api } = await bank.opened()
    await fetch(`${api}/livez`)
    process.kill(bank.pid, 'SIGTERM')
    await bank.closed
    const lines = bank.stdout().trimEnd().split('\n')
    expect(lines.map((line) => typeof JSON.parse(line))).toEqual(lines.map(() => 'object'))
    expect(bank.stdout()).toContain('"route":"/livez"')
  })
})

describe('a bank with DATABASE_URL', () => {
  const secret = 'hunter2-of-the-database'
  const url = `postgresql://bank:${secret}@127.0.0.1:9/bank`

  test('refuses to start without a token key and shows no secret', async () => {
    const bank = start({ DATABASE_URL: url })
    expect(await bank.exited).toBe(78)
    expect(bank.stderr()).toContain('TOKEN_SYMMETRIC_KEY must be set because DATABASE_URL is')
    expect(bank.stderr()).not.toContain(secret)
  })

  test('says where there is no database, in time and without the password', async () => {
    const bank = start({
      DATABASE_URL: url,
      TOKEN_SYMMETRIC_KEY: generateTokenKey(),
      WAIT_DB: '300ms',
    })
    expect(await bank.exited).toBe(1)
    expect(bank.stderr()).toContain('no database at 127.0.0.1:9/bank')
    expect(bank.stderr()).not.toContain(secret)
    expect(bank.stderr()).not.toContain('    at ')
  })

  test('migrates as the owner, works as the server, and starts nothing of its own', async () => {
    const postgres = await startTestPostgres()
    onTestFinished(() => postgres.stop())
    const bank = start({
      DATABASE_URL: postgres.url,
      MIGRATION_DATABASE_URL: postgres.ownerUrl,
      TOKEN_SYMMETRIC_KEY: generateTokenKey(),
      BOOTSTRAP_ADMIN_USERNAME: 'root_admin',
      BOOTSTRAP_ADMIN_PASSWORD: 'a long and secret sentence',
    })
    const { api } = await bank.opened()
    expect(bank.stderr()).toBe('')
    expect(bank.stdout()).toContain('made the first admin root_admin')
    expect(bank.stdout()).not.toContain('a long and secret sentence')
    expect((await fetch(`${api}/readyz`)).status).toBe(200)
    await expect(stat(dataDirectory)).rejects.toThrow('ENOENT')
    process.kill(bank.pid, 'SIGTERM')
    expect(await bank.exited).toBe(0)

    // One login for both: each tx takes the owner's rights away, so there is nothing to warn of.
    const other = start({
      DATABASE_URL: postgres.ownerUrl,
      TOKEN_SYMMETRIC_KEY: generateTokenKey(),
      SMTP_URL: 'smtp://127.0.0.1:1025',
      MAIL_FROM: 'bank@example.com',
    })
    const { api: otherApi } = await other.opened()
    expect((await fetch(`${otherApi}/readyz`)).status).toBe(200)
    expect(other.stdout()).not.toContain('"level":"warn"')
  })
})
