import * as fc from 'fast-check'
import { Client } from 'pg'
import { describe, expect, test } from 'vitest'
import { loadConfig } from './config.ts'
import { findNamedSecrets, parseSecret, parseSecretName } from './secret.ts'

const rds = {
  username: 'tallystick',
  password: 'p@ss:word/?#[]%"\\$ é鍵😀',
  engine: 'postgres',
  host: 'bank.abc.ap-northeast-2.rds.amazonaws.com',
  port: 5432,
  dbname: 'bank',
  dbInstanceIdentifier: 'bank',
}

function valuesOf(secret: unknown): Record<string, string> {
  const parsed = parseSecret(JSON.stringify(secret))
  if ('problem' in parsed) throw new Error(parsed.problem)
  return parsed.values
}

describe('a secret', () => {
  test('of KEY: value pairs is those settings', () => {
    expect(valuesOf({ LOG_LEVEL: 'debug', BCRYPT_COST: 12, MIGRATE_ON_START: false })).toEqual({
      LOG_LEVEL: 'debug',
      BCRYPT_COST: '12',
      MIGRATE_ON_START: 'false',
    })
  })

  test("of RDS's form is a URL that pg reads as the same login, host and database", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1 }),
        fc.string({ unit: 'grapheme', minLength: 1 }),
        (username, password) => {
          const { DATABASE_URL } = valuesOf({ ...rds, username, password, sslmode: 'disable' })
          const client = new Client({ connectionString: DATABASE_URL })
          expect(client).toMatchObject({ user: username, host: rds.host, port: 5432 })
          expect(client).toMatchObject({ password, database: 'bank' })
        },
      ),
      { numRuns: 300 },
    )
  })

  test('asks for a verified certificate unless it says otherwise, and 5432 is the port', () => {
    const { port: _, ...withoutPort } = rds
    const { DATABASE_URL } = valuesOf(withoutPort)
    expect(DATABASE_URL).toMatch(/\.com:5432\/bank\?sslmode=verify-full$/)
  })

  test('of both forms has the settings too, and a URL that is written out wins', () => {
    expect(valuesOf({ ...rds, LOG_LEVEL: 'debug' })).toMatchObject({ LOG_LEVEL: 'debug' })
    expect(valuesOf({ ...rds, DATABASE_URL: 'postgresql://x/y' })).toEqual({
      DATABASE_URL: 'postgresql://x/y',
    })
  })

  test('of the owner is MIGRATION_DATABASE_URL where that is asked for', () => {
    const parsed = parseSecret(JSON.stringify(rds), 'MIGRATION_DATABASE_URL')
    expect(parsed).toEqual({ values: { MIGRATION_DATABASE_URL: expect.any(String) } })
  })

  test.each([
    ['s3cret', 'is not a JSON object'],
    ['["s3cret"]', 'is not a JSON object'],
    ['{"password":"s3cret"}', 'has "password", which is no setting'],
    ['{"KEY":{"a":"s3cret"}}', 'has KEY, which is neither text nor a number'],
    [JSON.stringify({ ...rds, dbname: undefined }), 'has no good dbname'],
    [JSON.stringify({ ...rds, dbname: 's3cret/x' }), 'has no good dbname'],
    [JSON.stringify({ ...rds, host: 's3cret@host' }), 'has no good host'],
    [JSON.stringify({ ...rds, port: 's3cret' }), 'has no good port'],
    [JSON.stringify({ ...rds, sslmode: 's3cret&x=1' }), 'has no good sslmode'],
    [JSON.stringify({ ...rds, password: null }), 'neither text nor a number'],
  ])('%j is refused, without its values', (text, problem) => {
    const parsed = parseSecret(text)
    expect(parsed).toEqual({ problem: expect.stringContaining(problem) })
    expect(JSON.stringify(parsed)).not.toContain('s3cret')
  })
})

describe('AWS_SECRETS', () => {
  const arn = 'arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:tallystick/server-AbCdEf'

  test.each([
    ['tallystick/server', 'tallystick/server', 'DATABASE_URL'],
    [arn, arn, 'DATABASE_URL'],
    [`MIGRATION_DATABASE_URL=${arn}`, arn, 'MIGRATION_DATABASE_URL'],
    ['name=with=signs', 'name=with=signs', 'DATABASE_URL'],
  ])('%s is a secret and the URL that comes from it', (text, id, urlKey) => {
    expect(parseSecretName(text)).toEqual({ value: { id, urlKey } })
  })

  test('is found in app.env and in the environment, which wins', () => {
    const appEnv = { name: 'app.env', text: 'AWS_SECRETS="a,b"\n' }
    const idsIn = (environment: Record<string, string>) =>
      findNamedSecrets({ environment, appEnv }).named.map(({ id }) => id)
    expect(idsIn({})).toEqual(['a', 'b'])
    expect(idsIn({ AWS_SECRETS: 'c' })).toEqual(['c'])
  })

  test('settings of a secret count below app.env and environment, and a stray one is named', () => {
    const sources = {
      environment: { LOG_LEVEL: 'error' },
      appEnv: { name: 'app.env', text: 'BCRYPT_COST=5\n' },
      secrets: [
        { name: 's1', values: { LOG_LEVEL: 'debug', BCRYPT_COST: '6', DATA_DIR: '/one' } },
        { name: 's2', values: { DATA_DIR: '/two' } },
      ],
    }
    const config = loadConfig(sources, { purpose: 'server' })
    expect(config.log.level).toBe('error')
    expect(config.passwords.bcryptCost).toBe(5)
    expect(config.database).toMatchObject({ dataDirectory: '/two' })
    const stray = { ...sources, secrets: [{ name: 's3', values: { LOG_LEVLE: 'x' } }] }
    expect(() => loadConfig(stray, { purpose: 'server' })).toThrow(
      'LOG_LEVLE (secret s3) is not a setting; did you mean LOG_LEVEL?',
    )
  })
})
