/** Fills a fresh bank through its API: customers, their accounts, and money paid in by a teller. */
import { createApi } from '../tools/api.ts'

export const admin = { username: 'admin', password: 'bench-admin-password' }

export interface SeededAccount {
  id: string
  ownerId: string
  /** A token of its owner. */
  token: string
}

export interface SeededBank {
  accounts: SeededAccount[]
  /** The account that all transfers of the hot case touch; its owner's token is with it. */
  hot: SeededAccount
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>) {
  const rest = items[Symbol.iterator]()
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of rest) await work(item)
    }),
  )
}

export async function seedBank(
  baseUrl: string,
  shape: { users: number; accountsPerUser: number },
): Promise<SeededBank> {
  const api = createApi(baseUrl)
  const login = async (credentials: { username: string; password: string }): Promise<string> =>
    api.text(await api.call('POST', '/v1/sessions', { body: credentials }), 'access_token')

  const teller = await login(admin)
  const accounts: SeededAccount[] = []
  const users = Array.from({ length: shape.users }, (_, index) => `bench_${index}`)
  await inParallel(users, 4, async (username) => {
    const credentials = { username, password: `password of ${username}` }
    await api.call('POST', '/v1/users', {
      body: { ...credentials, full_name: username, email: `${username}@example.com` },
    })
    const token = await login(credentials)
    for (let count = 0; count < shape.accountsPerUser; count += 1) {
      const account = await api.call('POST', '/v1/accounts', { token, body: { currency: 'EUR' } })
      accounts.push({
        id: api.text(account, 'id'),
        ownerId: api.text(account, 'owner_id'),
        token,
      })
    }
  })
  await inParallel(accounts, 64, async (account) => {
    await api.call('POST', '/v1/deposits', {
      token: teller,
      idempotencyKey: `seed-${account.id}`,
      body: { account_id: account.id, amount: 1_000_000_000, currency: 'EUR' },
    })
  })
  const hot = accounts.shift()
  if (!hot) throw new Error('a bank without accounts cannot be measured')
  return { accounts, hot }
}
