/** The story: people, accounts, money paid in, a transfer, refusals, a rush, and the books at the end. */
import { randomBytes, randomUUID } from 'node:crypto'
import { formatTable } from '../server/src/cli/table.ts'
import type { Api, Json } from '../tools/api.ts'
import { runCommand } from '../tools/command.ts'
import { makeTeller, openAccount, signUp, type Account, type Person } from './people.ts'
import { count, euros, heading, line, showProgress } from './print.ts'
import { showReservation } from './reservation.ts'
import { rush, rushInFlightMax, type RushResult } from './rush.ts'

const savingsCount = 20
const deposited = 1_000_000

interface Cast {
  alice: Person
  bob: Person
  teller: Person
  everyday: Account
  shop: Account
  savings: Account[]
}

export async function playStory(api: Api, options: { transferCount: number }): Promise<void> {
  const run = randomBytes(3).toString('hex')
  heading('People and accounts')
  const cast = await gather(api, run)
  const { alice, shop, savings } = cast

  heading('The teller pays cash in')
  await payIn(api, cast, run)

  heading('Alice pays Bob 10.50 EUR, and asks twice')
  const payment = await payTwice(api, cast)

  heading("Alice books a room of Bob's: 80.00 EUR are held, 65.00 are taken, 15.00 go back")
  await showReservation(api, cast.everyday, shop)

  heading('What the bank refuses')
  await showRefusals(api, cast, payment)

  heading(`${count(options.transferCount)} transfers, ${rushInFlightMax} at a time`)
  line("Half of them are sales and refunds of Bob's shop: one hot account.")
  showRush(await rush(api, { count: options.transferCount, accounts: savings, hot: shop }))

  heading('Bob looks at his shop')
  await showEntries(api, shop)

  heading('The books')
  line(await runCommand(['trial-balance']))
  line('')
  line(await runCommand(['audit']))

  heading('Yours to try')
  showLogins(cast)
  line(`\nAlice's token, until ${alice.tokenExpiresAt}: paste it at ${api.baseUrl}/docs, or`)
  line(`\nTOKEN=${alice.token}`)
  line(`curl -s ${api.baseUrl}/v1/accounts -H "authorization: Bearer $TOKEN"`)
}

async function gather(api: Api, run: string): Promise<Cast> {
  const [alice, bob, newcomer] = await Promise.all([
    signUp(api, `alice_${run}`, 'Alice Arnold'),
    signUp(api, `bob_${run}`, 'Bob Brown'),
    signUp(api, `teller_${run}`, 'Terry Teller'),
  ])
  const teller = await makeTeller(api, newcomer)
  line(`${alice.username} and ${bob.username} have signed up, and ${teller.username}, a teller.`)
  const everyday = await openAccount(api, alice, 'Everyday')
  const shop = await openAccount(api, bob, "Bob's shop")
  const savings: Account[] = []
  for (let number = 1; number <= savingsCount; number += 1) {
    const owner = number % 2 ? alice : bob
    savings.push(await openAccount(api, owner, `Savings ${number}`))
  }
  line(`They have opened ${savingsCount + 2} accounts.`)
  return { alice, bob, teller, everyday, shop, savings }
}

async function payIn(api: Api, { teller, everyday, shop, savings }: Cast, run: string) {
  const accounts = [everyday, shop, ...savings]
  for (const [index, account] of accounts.entries()) {
    await api.call('POST', '/v1/deposits', {
      token: teller.token,
      idempotencyKey: `demo-${run}-${account.id}`,
      body: { account_id: account.id, amount: deposited, currency: 'EUR' },
    })
    showProgress(index + 1, accounts.length)
  }
  line(`${accounts.length} deposits of ${euros(deposited)} EUR, from the bank's account "cash".`)
}

interface Payment {
  token: string
  idempotencyKey: string
  body: Json
}

async function payTwice(api: Api, { alice, bob, everyday }: Cast): Promise<Payment> {
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
  const lines = [['asked', 'status', 'transfer', '']]
  for (const asked of ['first', 'again']) {
    const { status, replayed, body } = await api.send('POST', '/v1/transfers', payment)
    const note = replayed ? 'the same answer: nothing moved' : ''
    lines.push([asked, String(status), String(body['id']), note])
  }
  line(formatTable(lines))
  return payment
}

async function showRefusals(api: Api, { everyday, shop }: Cast, payment: Payment): Promise<void> {
  const { body } = payment
  const fresh = () => ({ ...payment, idempotencyKey: randomUUID() })
  const tries: [string, Payment][] = [
    ['more than she has', { ...fresh(), body: { ...body, amount: 99_000_000 } }],
    ['10.5 instead of 1050', { ...fresh(), body: { ...body, amount: 10.5 } }],
    ['the used key, another amount', { ...payment, body: { ...body, amount: 2 } }],
    ['to the same account', { ...fresh(), body: { ...body, to_account_id: everyday.id } }],
    [
      "from Bob's account",
      { ...fresh(), body: { ...body, from_account_id: shop.id, to_account_id: everyday.id } },
    ],
    ['without a token', { ...fresh(), token: '' }],
  ]
  const lines = [['Alice tries', 'status', 'code']]
  for (const [label, { token, ...request }] of tries) {
    const answer = await api.send('POST', '/v1/transfers', {
      ...request,
      ...(token !== '' && { token }),
    })
    lines.push([label, String(answer.status), String(answer.body['code'])])
  }
  line(formatTable(lines))
}

function showRush({ posted, refused, unknown, milliseconds, latencies }: RushResult): void {
  const perSecond = Math.round((posted * 1000) / milliseconds)
  const share = (part: number) =>
    `${Math.ceil(latencies[Math.floor(latencies.length * part)] ?? 0)} ms`
  line(
    formatTable(
      [
        ['posted', count(posted)],
        ['refused', count(refused)],
        ['without an answer', count(unknown)],
        ['posted per second', count(perSecond)],
        ['half were answered within', share(0.5)],
        ['99 % were answered within', share(0.99)],
      ],
      [1],
    ),
  )
  line('This program asked for them on the same machine; `npm run bench` measures.')
}

async function showEntries(api: Api, account: Account): Promise<void> {
  const { token } = account.owner
  const page = await api.call('GET', `/v1/accounts/${account.id}/entries?limit=5`, { token })
  const lines = [['seq', 'amount', 'balance after', 'from or to']]
  const entries: unknown[] = Array.isArray(page['data']) ? page['data'] : []
  for (const entry of entries) {
    const { seq, amount, balance_after, counterparty } = Object(entry)
    const name = String(Object(counterparty).display_name)
    lines.push([String(seq), euros(Number(amount)), euros(Number(balance_after)), name])
  }
  line(formatTable(lines, [0, 1, 2]))
}

function showLogins({ alice, bob, teller }: Cast): void {
  const logins = [alice, bob, teller].map(({ username, password }) => [username, password])
  line(formatTable([['username', 'password'], ...logins]))
}
