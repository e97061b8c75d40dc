/** The story: people, accounts, money paid in, a transfer, refusals, a rush, and the books at the end. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Api, Json } from '../tools/api.ts'
import { table } from '../tools/table.ts'
import { runCommand } from '../tools/command.ts'
import { rush, type RushAccount } from './rush.ts'

interface Person {
  username: string
  password: string
  token: string
}

interface Account {
  id: string
  owner: Person
  label: string
}

/** 1050 is 10.50 EUR. */
function euros(minor: unknown): string {
  const value = Number(minor)
  const sign = value < 0 ? '-' : ''
  const text = String(Math.abs(value)).padStart(3, '0')
  return `${sign}${Number(text.slice(0, -2)).toLocaleString('en')}.${text.slice(-2)}`
}

function heading(text: string): void {
  process.stdout.write(`\n${text}\n${'─'.repeat(text.length)}\n`)
}

function line(text: string): void {
  process.stdout.write(`${text}\n`)
}

export async function playStory(api: Api, options: { transferCount: number }): Promise<void> {
  const run = randomBytes(3).toString('hex')

  heading('People and accounts')
  const [alice, bob, teller] = [
    await signUp(api, `alice_${run}`, 'Alice Arnold'),
    await signUp(api, `bob_${run}`, 'Bob Brown'),
    await signUp(api, `teller_${run}`, 'Terry Teller'),
  ]
  await runCommand(['users', 'grant', teller.username, 'teller'])
  line(
    `${alice.username}, ${bob.username} and ${teller.username} have signed up; the last is a teller now.`,
  )
  const everyday = await openAccount(api, alice, 'Everyday')
  const shop = await openAccount(api, bob, "Bob's shop")
  const savers: Account[] = []
  for (let count = 1; count <= 20; count += 1) {
    savers.push(await openAccount(api, count % 2 ? alice : bob, `Savings ${count}`))
  }
  line(`They have opened ${savers.length + 2} accounts.`)

  heading('The teller pays cash in')
  for (const account of [everyday, shop, ...savers]) {
    await api.call('POST', '/v1/deposits', {
      token: teller.token,
      idempotencyKey: `demo-${run}-${account.id}`,
      body: { account_id: account.id, amount: 1_000_000, currency: 'EUR' },
    })
  }
  line(`${savers.length + 2} deposits of 10,000.00 EUR each, from the bank's own account "cash".`)

  heading('Alice pays Bob 10.50 EUR, and asks twice')
  const payee = await api.call('GET', `/v1/payees?username=${bob.username}&currency=EUR`, {
    token: alice.token,
  })
  line(`${String(payee['display_name'])} receives on ${String(payee['account_id'])}`)
  const payment = {
    token: alice.token,
    idempotencyKey: randomUUID(),
    body: {
      from_account_id: everyday.id,
      to_account_id: payee['account_id'],
      amount: 1050,
      currency: 'EUR',
      description: 'Lunch',
    },
  }
  for (const attempt of ['first', 'again']) {
    const { status, replayed, body } = await api.send('POST', '/v1/transfers', payment)
    line(
      `${attempt}: ${status} ${String(body['id'])}${replayed ? '  (replayed: nothing moved)' : ''}`,
    )
  }

  heading('What the bank refuses')
  await showRefusals(api, alice, { everyday, shop, payment })

  heading(
    `${options.transferCount.toLocaleString('en')} transfers at once, every other one to or from the shop`,
  )
  const members: RushAccount[] = savers.map(({ id, owner }) => ({ id, token: owner.token }))
  const result = await rush(api, {
    count: options.transferCount,
    accounts: members,
    hot: { id: shop.id, token: shop.owner.token },
  })
  line(
    `${result.posted.toLocaleString('en')} posted, ${result.refused.toLocaleString('en')} refused, ` +
      `${result.unknown} unknown, in ${(result.milliseconds / 1000).toFixed(1)} s`,
  )

  heading('Bob looks at his shop')
  await showEntries(api, shop)

  heading('The books')
  line(await runCommand(['trial-balance']))
  line(await runCommand(['audit']))

  heading('Yours to try')
  line(table([['user', 'password'], ...[alice, bob, teller].map((p) => [p.username, p.password])]))
  line(`\nAlice's token, good for a few minutes:\n${alice.token}`)
  line(`\nPaste it at ${api.baseUrl}/docs or try:`)
  line(`curl -s ${api.baseUrl}/v1/accounts -H "authorization: Bearer $TOKEN"`)
}

async function signUp(api: Api, username: string, fullName: string): Promise<Person> {
  const password = randomBytes(12).toString('base64url')
  await api.call('POST', '/v1/users', {
    body: { username, password, full_name: fullName, email: `${username}@example.com` },
  })
  const session = await api.call('POST', '/v1/sessions', { body: { username, password } })
  return { username, password, token: api.text(session, 'access_token') }
}

async function openAccount(api: Api, owner: Person, label: string): Promise<Account> {
  const account = await api.call('POST', '/v1/accounts', {
    token: owner.token,
    body: { currency: 'EUR', name: label },
  })
  return { id: api.text(account, 'id'), owner, label }
}

interface Payment {
  token: string
  idempotencyKey: string
  body: Json
}

async function showRefusals(
  api: Api,
  alice: Person,
  scene: { everyday: Account; shop: Account; payment: Payment },
): Promise<void> {
  const { everyday, shop, payment } = scene
  const body = payment.body
  const fresh = { token: alice.token, idempotencyKey: '' }
  const tries: [string, Payment][] = [
    ['more than she has', { ...fresh, body: { ...body, amount: 99_000_000 } }],
    ['10.50 as a decimal', { ...fresh, body: { ...body, amount: 10.5 } }],
    ['the used key, another amount', { ...payment, body: { ...body, amount: 2 } }],
    ['to the same account', { ...fresh, body: { ...body, to_account_id: everyday.id } }],
    [
      "from Bob's account",
      { ...fresh, body: { ...body, from_account_id: shop.id, to_account_id: everyday.id } },
    ],
  ]
  const lines = [['Alice tries', 'status', 'code']]
  for (const [label, request] of tries) {
    const idempotencyKey = request.idempotencyKey || randomUUID()
    const answer = await api.send('POST', '/v1/transfers', { ...request, idempotencyKey })
    lines.push([label, String(answer.status), String(answer.body['code'])])
  }
  line(table(lines))
}

async function showEntries(api: Api, account: Account): Promise<void> {
  const page = await api.call('GET', `/v1/accounts/${account.id}/entries?limit=5`, {
    token: account.owner.token,
  })
  const lines = [['seq', 'amount', 'balance after', 'from or to']]
  const entries = Array.isArray(page['data']) ? page['data'] : []
  for (const entry of entries) {
    const { display_name: name } = entry.counterparty
    lines.push([String(entry.seq), euros(entry.amount), euros(entry.balance_after), String(name)])
  }
  line(table(lines))
}
