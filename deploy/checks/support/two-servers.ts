/** What must hold across two servers of one bank: sessions, idempotency keys and limits. */
import { randomUUID } from 'node:crypto'
import { createApi } from '../../../tools/api.ts'

const password = 'correct horse battery'

/** What does not hold, one sentence each. The limits asked for are the defaults. */
export async function findSharingProblems(first: string, second: string): Promise<string[]> {
  return [
    ...(await findSessionProblems(first, second)),
    ...(await findKeyProblems(first, second)),
    ...(await findLimitProblems(first, second)),
  ]
}

async function signUp(baseUrl: string): Promise<string> {
  const username = `user_${randomUUID().slice(0, 8)}`
  const body = { username, password, full_name: username, email: `${username}@example.com` }
  await createApi(baseUrl).call('POST', '/v1/users', { body })
  return username
}

async function logIn(baseUrl: string, username: string): Promise<string> {
  const api = createApi(baseUrl)
  return api.text(
    await api.call('POST', '/v1/sessions', { body: { username, password } }),
    'access_token',
  )
}

async function findSessionProblems(first: string, second: string): Promise<string[]> {
  const token = await logIn(first, await signUp(first))
  const ask = async () => (await createApi(second).send('GET', '/v1/users/me', { token })).status
  const before = await ask()
  const ended = await fetch(`${first}/v1/sessions/current`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${token}` },
  })
  const after = await ask()
  if (before === 200 && ended.status === 204 && after === 401) return []
  return [`a session of one server, at the other: ${before}, ended ${ended.status}, then ${after}`]
}

async function findKeyProblems(first: string, second: string): Promise<string[]> {
  const token = await logIn(first, await signUp(first))
  const open = (baseUrl: string) =>
    createApi(baseUrl).send('POST', '/v1/accounts', {
      token,
      idempotencyKey: 'account-1',
      body: { currency: 'EUR' },
    })
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => open(index % 2 === 0 ? first : second)),
  )
  const texts = new Set(answers.map(({ status, body }) => `${status} ${JSON.stringify(body)}`))
  const fresh = answers.filter(({ replayed }) => !replayed).length
  if (texts.size === 1 && answers[0]?.status === 201 && fresh === 1) return []
  return [`one key at both servers: ${texts.size} different answers, ${fresh} of them first ones`]
}

async function findLimitProblems(first: string, second: string): Promise<string[]> {
  const username = await signUp(first)
  const statuses: number[] = []
  for (let count = 0; count < 14; count += 1) {
    const api = createApi(count % 2 === 0 ? first : second)
    const body = { username, password: 'not the password' }
    statuses.push((await api.send('POST', '/v1/sessions', { body })).status)
  }
  const allowed = statuses.filter((status) => status === 401).length
  if (allowed === 10 && statuses.at(-1) === 429) return []
  return [`14 wrong logins at both servers in turn: ${statuses.join(' ')}`]
}
