import { beforeEach, describe, expect, test } from 'vitest'
import { acct, createRouteBank, type RouteBank } from '../../../test/support/route-bank.ts'
import { MINOR_MAX } from '../kernel/money.ts'
import { useTransferWorld } from './testing.ts'

const { transfer, world } = useTransferWorld()
let bank: RouteBank
let from: string
let fromUuid: string

beforeEach(() => {
  ;({ bank, from, fromUuid } = world())
})

describe('refusals', () => {
  test('ToAccountNotFound', async () => {
    const response = await transfer({ to_account_id: acct(bank.newUuid()) })
    expect(response.json()).toMatchObject({
      status: 404,
      code: 'account_not_found',
      side: 'credit',
    })
  })

  test.each([
    ['debit', 'KRW', 'EUR'],
    ['credit', 'EUR', 'KRW'],
  ])('CurrencyMismatch on the %s side', async (side, debitCurrency, creditCurrency) => {
    const response = await transfer({
      from_account_id: acct(await bank.open(bank.alice, debitCurrency, 1000)),
      to_account_id: acct(await bank.open(bank.bob, creditCurrency)),
    })
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'currency_mismatch',
      side,
      account_currency: 'KRW',
      currency: 'EUR',
    })
  })

  test('InvalidCurrency: the answer says which there are', async () => {
    const response = await transfer({ currency: 'XTS' })
    expect(response.json()).toMatchObject({
      status: 400,
      code: 'currency_not_supported',
      supported: ['EUR', 'KRW'],
    })
  })

  test.each([
    ['negative', -1],
    ['zero', 0],
    ['fractional', 10.5],
    ['too large', MINOR_MAX + 1],
    ['a string', '100'],
    ['null', null],
    ['true', true],
    ['a list', [100]],
  ])('an amount that is %s is 400 with the hint', async (_, amount) => {
    const response = await transfer({ amount })
    expect(response.statusCode).toBe(400)
    expect(response.body).toContain('amounts are in minor units: 1050 is 10.50 EUR')
    expect(bank.ledger.transfers()).toHaveLength(1)
  })

  test('InsufficientFunds: one more than there is', async () => {
    const response = await transfer({ amount: 1001 })
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'insufficient_funds',
      retry: 'new_key',
      available: 1000,
      requested: 1001,
      currency: 'EUR',
      detail:
        'The account has 1000 minor units of EUR available, 1001 minor units of EUR was requested.',
    })
    expect((await bank.ledger.account(fromUuid))?.ledgerBalance).toBe(1000n)
  })

  test('SameAccount', async () => {
    const response = await transfer({ to_account_id: from })
    expect(response.json()).toMatchObject({ status: 422, code: 'same_account' })
  })

  test('AccountFrozen: it receives, but does not pay', async () => {
    bank.ledger.arrange(fromUuid, { status: 'frozen' })
    expect((await transfer()).json()).toMatchObject({ status: 422, code: 'account_frozen' })
  })

  test('AccountClosed', async () => {
    bank.ledger.arrange(fromUuid, { status: 'closed' })
    const refusal = { status: 422, code: 'account_closed', side: 'debit' }
    expect((await transfer()).json()).toMatchObject(refusal)
  })

  test('LimitExceeded', async () => {
    const limited = createRouteBank({ transferAmountMax: 99 })
    const account = acct(await limited.open(bank.alice))
    const change = { from_account_id: account, to_account_id: acct(await limited.open(bank.bob)) }
    const response = await transfer(change, { ledger: limited.ledger })
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'limit_exceeded',
      limit: 99,
      requested: 100,
    })
  })

  test('BalanceOutOfRange', async () => {
    const full = acct(await bank.open(bank.bob, 'EUR', MINOR_MAX))
    const response = await transfer({ to_account_id: full })
    expect(response.json()).toMatchObject({
      status: 422,
      code: 'balance_out_of_range',
      side: 'credit',
    })
  })
})

describe('the schema', () => {
  test.each([
    ['an id of another kind', { from_account_id: 'user_01h455vb4pex5vsknk084sn02q' }],
    ['an id with SQL', { to_account_id: "acct_' or 1=1 --" }],
    ['an unknown member', { role: 'admin' }],
    ['a currency in lower case', { currency: 'eur' }],
    ['an empty description', { description: '' }],
    ['a description of 141 characters', { description: 'x'.repeat(141) }],
    ['a description that is null', { description: null }],
    ['a reference of 65 characters', { reference: 'x'.repeat(65) }],
    ['a reference of blanks', { reference: '  ' }],
    ['a reference with a line feed', { reference: 'a\nb' }],
    ['17 pairs of metadata', { metadata: Object.fromEntries([...Array(17).keys()].map(pair)) }],
    ['a metadata key of 41 characters', { metadata: { ['k'.repeat(41)]: 'v' } }],
    ['an empty metadata key', { metadata: { '': 'v' } }],
    ['a metadata value of 501 characters', { metadata: { k: 'v'.repeat(501) } }],
    ['a metadata value with a control character', { metadata: { k: 'a\u0007' } }],
    ['a metadata value that is a number', { metadata: { k: 1 } }],
  ])('%s is 400 and moves nothing', async (_, change) => {
    const response = await transfer(change)
    expect(response.statusCode).toBe(400)
    expect(response.json().code).toBe('validation_failed')
    expect(response.json().errors[0].pointer).toMatch(/^\//)
    expect(bank.ledger.transfers()).toHaveLength(1)
  })

  test('texts may be as long as they may be, counted in code points', async () => {
    const response = await transfer({
      description: '😀'.repeat(140),
      reference: '😀'.repeat(64),
      metadata: Object.fromEntries(
        [...Array(16).keys()].map((n) => [`${n}`.padEnd(40, 'k'), '😀'.repeat(500)]),
      ),
    })
    expect(response.statusCode).toBe(201)
  })
})

function pair(n: number): [string, string] {
  return [`key ${n}`, 'value']
}
