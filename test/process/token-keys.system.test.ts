/** The keys of tokens are replaced while a bank runs and is asked without a pause. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { admin } from '../../bench/seed.ts'
import { generateTokenKey } from '../../server/src/identity/tokens/token-key.ts'
import { createApi } from '../../tools/api.ts'
import { embeddedBankSettings } from '../support/bank-settings.ts'
import { createTestFolder } from '../support/postgres.ts'
import { isAlive, spawnBank, untilOf } from './bank.ts'

test('keys are replaced without a restart and without a request that fails', async () => {
  const folder = await createTestFolder()
  const appEnv = join(folder.path, 'app.env')
  const [before, after] = [generateTokenKey(), generateTokenKey()]
  await writeFile(appEnv, `TOKEN_SYMMETRIC_KEY=${before}\n`)
  const bank = spawnBank({
    ...embeddedBankSettings(join(folder.path, 'data')),
    LOG_LEVEL: 'info',
    APP_ENV_FILE: appEnv,
  })
  onTestFinished(async () => {
    if (isAlive(bank.pid)) process.kill(bank.pid, 'SIGTERM')
    await bank.closed
    await folder.remove()
  })
  const { api: baseUrl } = await bank.opened()
  const api = createApi(baseUrl)
  const logIn = async () => {
    const session = await api.call('POST', '/v1/sessions', { body: admin })
    return api.text(session, 'access_token')
  }
  const statusOf = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${baseUrl}/v1/users/me`, { headers })
    await response.body?.cancel()
    return response.status
  }
  const announced = (count: number) => () =>
    bank.stdout().split('the token keys are those').length > count

  const old = await logIn()
  const statuses = new Set<number>()
  const over = new AbortController()
  const asking = (async () => {
    while (!over.signal.aborted) statuses.add(await statusOf(old))
  })()
  const end = new Date(Date.now() + 3_600_000).toISOString()
  await writeFile(appEnv, `TOKEN_SYMMETRIC_KEY=${after}\nTOKEN_ACCEPTED_KEYS=${before}@${end}\n`)
  await untilOf(bank, announced(1))
  const fresh = await logIn()
  expect([await statusOf(old), await statusOf(fresh)]).toEqual([200, 200])
  over.abort()
  await asking
  expect([...statuses]).toEqual([200])

  await writeFile(appEnv, `TOKEN_SYMMETRIC_KEY=${after}\n`)
  await untilOf(bank, announced(2))
  expect([await statusOf(old), await statusOf(fresh)]).toEqual([401, 200])
  expect(bank.stdout()).not.toContain(after)
})
