import { expect, test } from 'vitest'
import { ProblemError, renderProblem } from '../http/problem.ts'
import { refusalOrder, type Refusal, type RefusalCode } from '../ledger/ledger.ts'
import { refusalProblem } from './refusal-problem.ts'

/** Each refusal that there is, with the status and the facts it must become. */
const cases: { [Code in RefusalCode]: [Extract<Refusal, { code: Code }>, number, object] } = {
  idempotency_key_reused: [
    { code: 'idempotency_key_reused', fields: ['amount', 'to_account_id'] },
    422,
    { fields: ['amount', 'to_account_id'] },
  ],
  hold_not_found: [{ code: 'hold_not_found' }, 404, {}],
  transfer_not_found: [{ code: 'transfer_not_found' }, 404, {}],
  account_not_found: [{ code: 'account_not_found', side: 'credit' }, 404, { side: 'credit' }],
  own_account: [{ code: 'own_account', side: 'debit' }, 403, { side: 'debit' }],
  same_account: [{ code: 'same_account' }, 422, {}],
  currency_mismatch: [
    { code: 'currency_mismatch', side: 'debit', accountCurrency: 'USD', currency: 'EUR' },
    422,
    { side: 'debit', account_currency: 'USD', currency: 'EUR' },
  ],
  hold_not_active: [{ code: 'hold_not_active', state: 'expired' }, 409, { state: 'expired' }],
  not_reversible: [{ code: 'not_reversible' }, 422, {}],
  capture_exceeds_hold: [
    { code: 'capture_exceeds_hold', available: 5, requested: 6, currency: 'EUR' },
    422,
    { available: 5, requested: 6, currency: 'EUR' },
  ],
  reversal_exceeds_original: [
    { code: 'reversal_exceeds_original', available: 0, requested: 6, currency: 'EUR' },
    422,
    { available: 0, requested: 6, currency: 'EUR' },
  ],
  account_frozen: [{ code: 'account_frozen' }, 422, {}],
  account_closed: [{ code: 'account_closed', side: 'credit' }, 422, { side: 'credit' }],
  limit_exceeded: [
    { code: 'limit_exceeded', limit: 5, requested: 6, currency: 'EUR' },
    422,
    { limit: 5, requested: 6, currency: 'EUR' },
  ],
  daily_limit_exceeded: [
    { code: 'daily_limit_exceeded', limit: 9, available: 5, requested: 6, currency: 'EUR' },
    422,
    { limit: 9, available: 5, requested: 6, currency: 'EUR' },
  ],
  insufficient_funds: [
    { code: 'insufficient_funds', available: 5, requested: 6, currency: 'EUR' },
    422,
    { available: 5, requested: 6, currency: 'EUR' },
  ],
  balance_out_of_range: [{ code: 'balance_out_of_range', side: 'credit' }, 422, { side: 'credit' }],
  group_failed: [{ code: 'group_failed', index: 3 }, 422, { index: 3 }],
}

function render(error: ProblemError): Record<string, unknown> {
  return JSON.parse(renderProblem(error.code, error.options))
}

test.each(refusalOrder)(
  '%s has its status, its facts in snake_case and words of its own',
  (code) => {
    const [refusal, status, facts] = cases[code]
    const document = render(refusalProblem(refusal, { requestId: 'first' }))
    expect(document).toMatchObject({ code, status, request_id: 'first', ...facts })
    const fixed = ['type', 'title', 'status', 'detail', 'code', 'request_id', 'retry']
    expect(Object.keys(document).toSorted()).toEqual([...fixed, ...Object.keys(facts)].toSorted())
    expect(document['detail']).toMatch(/^[A-Z].*\.$/)
  },
)

test('amounts in words are whole minor units with their currency, never with a decimal point', () => {
  const [refusal] = cases.limit_exceeded
  const detail = refusalProblem(refusal, { requestId: 'x' }).message
  expect(detail).toBe(
    'The limit for one transfer is 5 minor units of EUR, 6 minor units of EUR was requested.',
  )
})

test('a reused key names the fields as the request calls them', () => {
  const [refusal] = cases.idempotency_key_reused
  const fieldNames = { from_account_id: 'via', to_account_id: 'account_id' }
  expect(render(refusalProblem(refusal, { requestId: 'x', fieldNames }))).toMatchObject({
    fields: ['amount', 'account_id'],
  })
})
