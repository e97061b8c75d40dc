/** The demo, run as a person runs it, and what that person is told. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApi } from '../tools/api.ts'
import { freePort, startBankProcess } from '../tools/bank-process.ts'
import { embeddedBankSettings } from '../test/support/bank-settings.ts'
import { createTestFolder, type TestFolder } from '../test/support/postgres.ts'

const entry = fileURLToPath(new URL('main.ts', import.meta.url))

interface Run {
  exitCode: number
  output: string
  complaints: string
}

let folder: TestFolder
let settings: Record<string, string>

beforeAll(async () => {
  folder = await createTestFolder()
  settings = embeddedBankSettings(join(folder.path, 'data'))
})

afterAll(() => folder?.remove())

function runDemo(words: readonly string[], changes: Record<string, string> = {}): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...settings, ...changes } }
    execFile(process.execPath, [entry, ...words], options, (error, output, complaints) => {
      const exitCode = error === null ? 0 : Number(error.code)
      resolve({ exitCode, output, complaints })
    })
  })
}

function expectStory(output: string, transferCount: string): void {
  expect(output).toMatch(new RegExp(`^posted +${transferCount}$`, 'm'))
  expect(output).toMatch(/^refused +0$/m)
  expect(output).toMatch(/^without an answer +0$/m)
  expect(output).toMatch(/^again +201 .*the same answer/m)
  expect(output).toMatch(/^80\.00 held +active +9,989\.50 +80\.00 +9,909\.50 +10,010\.50$/m)
  expect(output).toMatch(/^65\.00 captured +captured +9,924\.50 +0\.00 +9,924\.50 +10,075\.50$/m)
  expect(output).toMatch(/^15\.00 reversed +captured +9,939\.50 +0\.00 +9,939\.50 +10,060\.50$/m)
  expect(output).toContain('captured again: 409 hold_not_active')
  expect(output).toMatch(/^balanced +(\S+) +\1 +0\.00$/m)
  expect(output).toContain('The books are right')
}

describe('where no bank answers', () => {
  let run: Run
  let url: string

  beforeAll(async () => {
    url = `http://127.0.0.1:${await freePort()}`
    run = await runDemo(['--stop', '--transfers', '400'], { SERVER_ADDRESS: new URL(url).host })
  })

  test('the demo starts one, tells its story and ends with 0', () => {
    expect(run).toMatchObject({ exitCode: 0, complaints: '' })
    expect(run.output).toContain(`No bank answers at ${url}: starting one`)
    expectStory(run.output, '400')
  })

  test('it shows a refusal of each kind with its status and code', () => {
    for (const [status, code] of [
      ['422', 'insufficient_funds'],
      ['400', 'malformed_json'],
      ['422', 'idempotency_key_reused'],
      ['422', 'same_account'],
      ['404', 'account_not_found'],
      ['401', 'token_missing'],
    ]) {
      expect(run.output).toMatch(new RegExp(`${status} +${code}$`, 'm'))
    }
  })

  test('it stops the bank that it has started', async () => {
    await expect(fetch(`${url}/livez`)).rejects.toThrow('fetch failed')
  })
})

describe('where a bank runs', () => {
  test('the demo plays on it and leaves it running, with logins and a token to use', async () => {
    const bank = await startBankProcess({ settings })
    try {
      const { exitCode, output } = await runDemo(['--url', bank.baseUrl, '--transfers', '200'])
      expect(exitCode).toBe(0)
      expectStory(output, '200')

      const api = createApi(bank.baseUrl)
      const [, username, password] = /^(alice_\w+) +(\S+)$/m.exec(output) ?? []
      const login = await api.send('POST', '/v1/sessions', { body: { username, password } })
      expect(login.status).toBe(201)
      const token = /^TOKEN=(\S+)$/m.exec(output)?.[1]
      const accounts = await api.call('GET', '/v1/accounts', { token })
      expect(accounts['data']).toHaveLength(11)
    } finally {
      await bank.stop()
    }
  })

  test('the demo says so when its settings are not those of the bank', async () => {
    const bank = await startBankProcess({ settings })
    try {
      const changes = { DATA_DIR: join(folder.path, 'another') }
      const { exitCode, complaints } = await runDemo(['--url', bank.baseUrl], changes)
      expect(exitCode).toBe(1)
      expect(complaints).toContain(`needs the settings of the bank at ${bank.baseUrl}`)
    } finally {
      await bank.stop()
    }
  })
})

test('wrong usage is told with how to use it, and exit code 2', async () => {
  for (const words of [['--transfers', 'many'], ['--quick']]) {
    const { exitCode, complaints } = await runDemo(words)
    expect(exitCode).toBe(2)
    expect(complaints).toContain('npm run demo --')
  }
})
