import { describe, expect, test } from 'vitest'
import { generateTokenKey, sampleTokenKey } from '../identity/tokens/token-key.ts'
import { loadConfig, type Config, type LoadConfigOptions } from './config.ts'
import { ConfigError } from './problems.ts'
import { settingKeys, settings } from './settings.ts'
import { projectDirectory } from './sources.ts'

function load(
  environment: Record<string, string>,
  appEnv?: string,
  purpose: LoadConfigOptions['purpose'] = 'server',
): Config {
  const file = appEnv === undefined ? {} : { appEnv: { name: 'app.env', text: appEnv } }
  return loadConfig({ environment, ...file }, { purpose })
}

function problemsOf(environment: Record<string, string>, appEnv?: string): ConfigError {
  try {
    load(environment, appEnv)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the configuration was accepted')
}

const databaseUrl = 'postgresql://tallystick:pw-of-server@db:5432/bank'

describe('configuration', () => {
  test('without any setting it is an embedded bank on loopback', () => {
    const config = load({})
    expect(config.server.address).toEqual({ host: '127.0.0.1', port: 8080 })
    expect(config.metrics.address).toEqual({ host: '127.0.0.1', port: 9090 })
    expect(config.database).toMatchObject({
      kind: 'embedded',
      dataDirectory: `${projectDirectory}data`,
    })
    expect(config.tokens.kind).toBe('paseto_v4')
    expect(config.bank.currencies).toEqual(expect.arrayContaining(['USD', 'EUR', 'KRW']))
  })

  test('the environment wins over app.env, and an empty text makes a setting absent', () => {
    const appEnv = 'SERVER_ADDRESS=127.0.0.1:1\nMETRICS_ADDRESS=127.0.0.1:2\nTOKEN_KIND=jwt'
    const config = load({ SERVER_ADDRESS: '[::1]:3', TOKEN_KIND: '' }, appEnv)
    expect(config.server.address).toEqual({ host: '::1', port: 3 })
    expect(config.metrics.address).toEqual({ host: '127.0.0.1', port: 2 })
    expect(config.tokens.kind).toBe('paseto_v4')
  })

  test('all problems are reported at once, each with its key, the reason and an example', () => {
    const { message, problems } = problemsOf(
      {
        SERVER_ADDRESS: '8080',
        SUPPORTED_CURRENCIES: 'EUR,ECU',
        BANK_TIME_ZONE: 'Mars/Base',
        ALLOWED_ORIGINS: 'https://bank.example.com/',
        TRUSTED_PROXIES: '10.0.0.0/33',
        ACCESS_TOKEN_DURATION: '15',
        LEDGER_BATCH_SIZE_MAX: '0',
        MIGRATE_ON_START: 'yes',
      },
      'LOG_LEVEL=loud\nnot a line',
    )
    expect(problems.map((problem) => problem.subject).toSorted()).toEqual([
      'ACCESS_TOKEN_DURATION',
      'ALLOWED_ORIGINS',
      'BANK_TIME_ZONE',
      'LEDGER_BATCH_SIZE_MAX',
      'LOG_LEVEL',
      'MIGRATE_ON_START',
      'SERVER_ADDRESS',
      'SUPPORTED_CURRENCIES',
      'TRUSTED_PROXIES',
      'app.env line 2',
    ])
    expect(message).toContain('SERVER_ADDRESS must be host:port, not "8080"')
    expect(message).toContain('for example: SERVER_ADDRESS=')
  })

  test('an unknown key of app.env is named, with the setting that was probably meant', () => {
    const { message } = problemsOf({}, 'TOKEN_SYMETRIC_KEY=x1\nDB_SOURCE=x2')
    expect(message).toContain(
      'TOKEN_SYMETRIC_KEY (app.env line 1) is not a setting; did you mean TOKEN_SYMMETRIC_KEY?',
    )
    expect(message).toContain('DB_SOURCE (app.env line 2) is not a setting\n')
  })

  test('no problem shows the text of a secret', () => {
    const secret = 'hunter2-and-more'
    for (const key of settingKeys) {
      if (!settings[key].secret) continue
      for (const text of [secret, `postgresql://u:${secret}@[bad/x`, `"${secret}`]) {
        const inFile = problemsOf({ SERVER_ADDRESS: 'bad' }, `${key}=${text}\n${key}="${secret}`)
        expect(inFile.message).not.toContain(secret)
        const inEnvironment = problemsOf({ SERVER_ADDRESS: 'bad', [key]: text })
        expect(inEnvironment.message).not.toContain(secret)
      }
    }
  })

  test('with DATABASE_URL a missing, a weak and the documented key refuse to boot', () => {
    const missing = problemsOf({ DATABASE_URL: databaseUrl, SERVER_ADDRESS: 'bad' })
    expect(missing.message).toContain('TOKEN_SYMMETRIC_KEY must be set because DATABASE_URL is')
    expect(missing.problems).toHaveLength(2)
    for (const key of ['12345678901234567890123456789012', 'ab'.repeat(32), sampleTokenKey]) {
      const weak = problemsOf({ DATABASE_URL: databaseUrl, TOKEN_SYMMETRIC_KEY: key })
      expect(weak.problems.map((problem) => problem.subject)).toEqual(['TOKEN_SYMMETRIC_KEY'])
    }
  })

  test('a command needs no token key, and migrates as the server unless told otherwise', () => {
    expect(load({ DATABASE_URL: databaseUrl }, undefined, 'command').database).toMatchObject({
      url: databaseUrl,
      migrationUrl: databaseUrl,
    })
  })

  test.each([
    [{ TLS_CERT_FILE: 'a.pem' }, 'TLS_KEY_FILE must be set because TLS_CERT_FILE is'],
    [{ TLS_KEY_FILE: 'a.pem' }, 'TLS_CERT_FILE must be set because TLS_KEY_FILE is'],
    [{ SMTP_URL: 'smtp://localhost' }, 'MAIL_FROM must be set because SMTP_URL is'],
    [{ BOOTSTRAP_ADMIN_USERNAME: 'ann' }, 'BOOTSTRAP_ADMIN_PASSWORD must be set'],
    [{ MIGRATION_DATABASE_URL: databaseUrl }, 'DATABASE_URL must be set'],
  ])('%j alone is refused', (environment, text) => {
    expect(problemsOf(environment).message).toContain(text)
  })

  test('every example parses, but for the keys that must not be copied', () => {
    const samples = new Set<string>(['TOKEN_SYMMETRIC_KEY', 'TOKEN_ACCEPTED_KEYS'])
    for (const key of settingKeys) {
      const parsed = settings[key].parse(settings[key].example)
      expect([key, 'value' in parsed]).toEqual([key, !samples.has(key)])
    }
  })

  test('the tree is frozen all the way down', () => {
    const config = load({ DATABASE_URL: databaseUrl, TOKEN_SYMMETRIC_KEY: generateTokenKey() })
    const isFrozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      ArrayBuffer.isView(value) ||
      (Object.isFrozen(value) && Object.values(value).every(isFrozen))
    expect(isFrozen(config)).toBe(true)
  })
})

describe('rate limits', () => {
  test('each has a setting of its own, and money has none by default', () => {
    const { tries, requests } = load({
      RATE_LIMIT_LOGIN: '5/1m',
      RATE_LIMIT_SIGN_UP: 'off',
    }).rateLimits
    expect(tries.login.pair).toEqual({ count: 5, periodMilliseconds: 60_000 })
    expect(tries.login.account).toEqual({ count: 100, periodMilliseconds: 3_600_000 })
    expect(tries.sign_up.source).toBeUndefined()
    expect(requests.money).toBeUndefined()
    expect(requests.read).toBeDefined()
  })

  test('one setting switches all of them off', () => {
    const { tries, requests } = load({ RATE_LIMITS: 'false', RATE_LIMIT_MONEY: '1/1s' }).rateLimits
    const all = [
      ...Object.values(tries).flatMap((limits) => Object.values(limits)),
      ...Object.values(requests),
    ]
    expect(all.length).toBeGreaterThan(10)
    expect(all.filter((limit) => limit !== undefined)).toEqual([])
  })
})
