import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestFolder, type TestFolder } from '../support/postgres.ts'
import { isAlive, postgresPid, serverWords, spawnBank, startSignUp, untilOf } from './bank.ts'

let folder: TestFolder
let dataDirectory: string

beforeAll(async () => {
  folder = await createTestFolder()
  dataDirectory = join(folder.path, 'data')
})

afterAll(() => folder.remove())

/** A bank with a request in flight that will not end before the test wants it to. */
async function startBusy(words?: readonly string[]) {
  const bank = spawnBank({ DATA_DIR: dataDirectory, BCRYPT_COST: '4' }, words)
  const addresses = await bank.opened()
  const request = await startSignUp(bank, addresses, `user_${bank.pid}`)
  return { bank, api: addresses.api, request, postgres: await postgresPid(dataDirectory) }
}

type Busy = Awaited<ReturnType<typeof startBusy>>

/** Lets the request go on once the drain has begun, and waits for the end of everything. */
async function drained({ bank, api, request, postgres }: Busy) {
  await untilOf(bank, () => bank.stdout().includes('"msg":"stopping"'))
  await untilOf(bank, () =>
    fetch(`${api}/livez`).then(
      () => false,
      () => true,
    ),
  )
  const answer = await request.finish()
  await bank.closed
  return {
    ...answer,
    isClean: bank.stdout().includes('"stopped: everything that was accepted is answered"'),
    isPostgresAlive: isAlive(postgres),
  }
}

const clean = { status: 201, connection: 'close', isClean: true, isPostgresAlive: false }
const npmStart = ['npm', 'start', '--silent']

describe('a stop answers what was accepted, stops PostgreSQL and exits 0', () => {
  test('when the server itself is told, twice within a second', async () => {
    const busy = await startBusy()
    process.kill(busy.bank.pid, 'SIGTERM')
    process.kill(busy.bank.pid, 'SIGINT')
    expect(await drained(busy)).toEqual(clean)
    expect(await busy.bank.exited).toBe(0)
    expect(busy.bank.stdout()).not.toContain('asked again')
  })

  test('when the process group of `npm start` is told', async () => {
    const busy = await startBusy(npmStart)
    process.kill(-busy.bank.pid, 'SIGTERM')
    expect(await drained(busy)).toEqual(clean)
  })

  test('when only npm is told', async () => {
    const busy = await startBusy(npmStart)
    process.kill(busy.bank.pid, 'SIGTERM')
    expect(await drained(busy)).toEqual(clean)
  })

  test('when npm is killed', async () => {
    const busy = await startBusy(npmStart)
    process.kill(busy.bank.pid, 'SIGKILL')
    expect(await drained(busy)).toEqual(clean)
    expect(busy.bank.stdout()).toContain('the parent process is gone')
  })

  test('when the parent of a plain server is killed', async () => {
    const busy = await startBusy(['sh', '-c', `${serverWords.join(' ')}; true`])
    process.kill(busy.bank.pid, 'SIGKILL')
    expect(await drained(busy)).toEqual(clean)
  })

  test('when it is told while it starts', async () => {
    const bank = spawnBank({ DATA_DIR: dataDirectory })
    await untilOf(bank, () => existsSync(join(dataDirectory, 'server.pid')))
    process.kill(bank.pid, 'SIGTERM')
    expect(await bank.exited).toBe(0)
    await bank.closed
    await expect(postgresPid(dataDirectory)).rejects.toThrow('ENOENT')
  })
})

test('a second signal after a second does not wait, and the next start is a good one', async () => {
  const { bank, request } = await startBusy()
  process.kill(bank.pid, 'SIGTERM')
  // The one wait for a time: it is the second of the guarantee.
  await delay(1100)
  process.kill(bank.pid, 'SIGTERM')
  expect(await bank.exited).toBe(130)
  await expect(request.finish()).rejects.toThrow(/ECONNRESET|EPIPE|hang up/)
  const next = spawnBank({ DATA_DIR: dataDirectory })
  await next.opened()
  process.kill(next.pid, 'SIGTERM')
  expect(await next.exited).toBe(0)
})

test('a drain that takes longer than SHUTDOWN_TIMEOUT cuts what is left and ends', async () => {
  const bank = spawnBank({ DATA_DIR: dataDirectory, SHUTDOWN_TIMEOUT: '1s' })
  const request = await startSignUp(bank, await bank.opened(), 'never_finished')
  process.kill(bank.pid, 'SIGTERM')
  expect(await bank.exited).toBe(0)
  await expect(request.finish()).rejects.toThrow(/ECONNRESET|EPIPE|hang up/)
})

test('when nobody reads what it writes any more, it goes on, and stops when told', async () => {
  const bank = spawnBank({ DATA_DIR: dataDirectory, LOG_LEVEL: 'debug' })
  const { api } = await bank.opened()
  bank.stopReading()
  for (let count = 0; count < 3; count += 1) expect((await fetch(`${api}/livez`)).status).toBe(200)
  process.kill(bank.pid, 'SIGTERM')
  expect(await bank.exited).toBe(0)
})

test('SIGUSR1 opens no debugger', async () => {
  const bank = spawnBank({ DATA_DIR: dataDirectory })
  const { api } = await bank.opened()
  process.kill(bank.pid, 'SIGUSR1')
  await fetch(`${api}/livez`)
  await untilOf(bank, () => bank.stdout().includes('SIGUSR1 is ignored'))
  process.kill(bank.pid, 'SIGTERM')
  await bank.closed
  expect(bank.stderr()).not.toContain('Debugger listening')
})
