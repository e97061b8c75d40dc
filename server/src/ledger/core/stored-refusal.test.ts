import { expect, it } from 'vitest'
import { Defect } from '../../kernel/assert.ts'
import { MINOR_MAX } from '../../kernel/money.ts'
import { refusalOrder } from './refusals.ts'
import { decodeRefusal, encodeRefusal, type StoredRefusal } from './stored-refusal.ts'

const examples: { [C in StoredRefusal['code']]: StoredRefusal & { code: C } } = {
  hold_not_found: { code: 'hold_not_found' },
  transfer_not_found: { code: 'transfer_not_found' },
  account_not_found: { code: 'account_not_found', side: 'credit' },
  own_account: { code: 'own_account', side: 'debit' },
  same_account: { code: 'same_account' },
  currency_mismatch: {
    code: 'currency_mismatch',
    side: 'credit',
    accountCurrency: 'KRW',
    currency: 'EUR',
  },
  hold_not_active: { code: 'hold_not_active', state: 'released' },
  not_reversible: { code: 'not_reversible' },
  capture_exceeds_hold: {
    code: 'capture_exceeds_hold',
    available: 5,
    requested: MINOR_MAX,
    currency: 'EUR',
  },
  reversal_exceeds_original: {
    code: 'reversal_exceeds_original',
    available: 0,
    requested: 1,
    currency: 'EUR',
  },
  account_frozen: { code: 'account_frozen' },
  account_closed: { code: 'account_closed', side: 'credit' },
  limit_exceeded: { code: 'limit_exceeded', limit: 5, requested: MINOR_MAX, currency: 'EUR' },
  daily_limit_exceeded: {
    code: 'daily_limit_exceeded',
    limit: 5,
    available: 0,
    requested: MINOR_MAX,
    currency: 'EUR',
  },
  insufficient_funds: { code: 'insufficient_funds', available: 0, requested: 1, currency: 'EUR' },
  balance_out_of_range: { code: 'balance_out_of_range', side: 'credit' },
  group_failed: { code: 'group_failed', index: 0 },
  too_many_accounts: { code: 'too_many_accounts', limit: 10 },
}

it('has an example of every refusal that is stored', () => {
  const stored = refusalOrder.filter((code) => code !== 'idempotency_key_reused')
  expect(Object.keys(examples)).toEqual([...stored, 'too_many_accounts'])
})

it.each(Object.values(examples))('reads $code as it was stored, whatever the order', (refusal) => {
  const stored = JSON.stringify(encodeRefusal(refusal))
  expect(decodeRefusal(JSON.parse(stored))).toEqual(refusal)
  // `jsonb` keeps members in an order of its own.
  const turned = Object.entries(encodeRefusal(refusal)).toReversed()
  expect(decodeRefusal(Object.fromEntries(turned))).toEqual(refusal)
})

it('stores snake_case members and a version', () => {
  expect(encodeRefusal(examples.currency_mismatch)).toEqual({
    version: 1,
    code: 'currency_mismatch',
    side: 'credit',
    account_currency: 'KRW',
    currency: 'EUR',
  })
})

it.each([
  null,
  'same_account',
  {},
  { version: 2, code: 'same_account' },
  { version: 1, code: 'idempotency_key_reused' },
  { version: 1, code: 'account_not_found', side: 'left' },
  { version: 1, code: 'hold_not_active', state: 'active' },
  { version: 1, code: 'too_many_accounts', limit: '10' },
])('trips over %j, which it never stored', (stored) => {
  expect(() => decodeRefusal(stored)).toThrow(Defect)
})
