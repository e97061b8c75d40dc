import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startSecretsManager, type SecretsManager } from '../../../test/support/secrets-manager.ts'
import { runCommand } from '../../../tools/command.ts'
import { generateTokenKey } from '../identity/tokens/token-key.ts'
import { addAwsSecrets } from './aws-secrets.ts'
import { StartError } from './start-error.ts'

const database = {
  username: 'bank',
  password: 'p@ss',
  host: 'db.internal',
  port: 5432,
  dbname: 'bank',
}
const rest = 'p%40ss@db.internal:5432/bank?sslmode=verify-full'
const arn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:settings-AbCdEf'

let manager: SecretsManager

beforeEach(async () => {
  manager = await startSecretsManager({
    server: JSON.stringify(database),
    owner: JSON.stringify({ ...database, username: 'owner' }),
    [arn]: '{"LOG_LEVEL":"debug"}',
    bad: '{"LOG_LEVEL":["s3cret"]}',
  })
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test')
  vi.stubEnv('AWS_REGION', 'ap-northeast-2')
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await manager.close()
})

function environment(secrets: string): Record<string, string> {
  return { AWS_SECRETS: secrets, AWS_SECRETS_ENDPOINT: manager.endpoint }
}

async function read(secrets: string) {
  const sources = await addAwsSecrets({ environment: environment(secrets) })
  return sources.secrets
}

describe('secrets of AWS', () => {
  test('are read in order, by name and by ARN, as settings and as URLs', async () => {
    expect(await read(`server,MIGRATION_DATABASE_URL=owner,${arn}`)).toEqual([
      { name: 'server', values: { DATABASE_URL: `postgresql://bank:${rest}` } },
      { name: 'owner', values: { MIGRATION_DATABASE_URL: `postgresql://owner:${rest}` } },
      { name: arn, values: { LOG_LEVEL: 'debug' } },
    ])
    expect(manager.asked).toEqual(['server', 'owner', arn])
  })

  test('are asked for by nobody who names none', async () => {
    const sources = await addAwsSecrets({ environment: { AWS_SECRETS_ENDPOINT: manager.endpoint } })
    expect(sources.secrets).toEqual([])
    expect(manager.asked).toEqual([])
  })

  test('are asked for again after a failure that passes', async () => {
    manager.failNext(
      { status: 500, type: 'InternalServiceError' },
      { status: 400, type: 'ThrottlingException' },
    )
    expect(await read('server')).toHaveLength(1)
    expect(manager.asked).toEqual(['server', 'server', 'server'])
  })

  test.each([
    ['nothing', 'the secret nothing cannot be read: ResourceNotFoundException'],
    ['bad', 'the secret bad has LOG_LEVEL, which is neither text nor a number'],
  ])('%s keeps the server from starting, and the message names it', async (name, message) => {
    const failure = read(`server,${name}`)
    await expect(failure).rejects.toBeInstanceOf(StartError)
    await expect(failure).rejects.toThrow(`AWS_SECRETS: ${message}`)
    await expect(failure).rejects.not.toThrow('s3cret')
  })

  test('that may not be read are not asked for again', async () => {
    manager.failNext({ status: 400, type: 'AccessDeniedException' })
    await expect(read('server')).rejects.toThrow('AccessDeniedException: not now')
    expect(manager.asked).toEqual(['server'])
  })

  test('are settings of the whole program: what is wrong in them is found', async () => {
    const settings = { ...environment(`server,${arn}`), APP_ENV_FILE: '/dev/null' }
    await expect(runCommand(['config', 'check'], { settings })).rejects.toThrow(
      'TOKEN_SYMMETRIC_KEY must be set because DATABASE_URL is',
    )
    const key = { TOKEN_SYMMETRIC_KEY: generateTokenKey() }
    expect(await runCommand(['config', 'check'], { settings: { ...settings, ...key } })).toContain(
      'fine',
    )
  })
})
