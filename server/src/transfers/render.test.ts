import { expect, test } from 'vitest'
import { createUuidSource } from '../kernel/ids.ts'
import type { PostedTransfer } from '../ledger/ledger.ts'
import { renderTransfer } from './render.ts'

const newUuid = createUuidSource()

const transfer: PostedTransfer = {
  id: newUuid(),
  kind: 'transfer',
  principalId: newUuid(),
  debitAccountId: newUuid(),
  creditAccountId: newUuid(),
  amount: 100,
  currency: 'EUR',
  description: null,
  reference: null,
  metadata: null,
  debitSeq: 3,
  creditSeq: 5,
  debitBalanceAfter: -BigInt(Number.MAX_SAFE_INTEGER),
  creditBalanceAfter: BigInt(Number.MAX_SAFE_INTEGER),
  reversesId: null,
  holdId: null,
  groupId: null,
  createdAt: new Date('2026-01-15T09:30:00.007Z'),
}

const bytes = (change: Partial<PostedTransfer>) =>
  JSON.stringify(renderTransfer({ ...transfer, ...change }, { payer: true, receiver: true }))

test('the bytes do not depend on the order in which metadata was given or stored', () => {
  const one = bytes({ metadata: { bb: '1', a: '2', ccc: '3' } })
  expect(one).toContain('"metadata":{"a":"2","bb":"1","ccc":"3"}')
  expect(bytes({ metadata: { ccc: '3', a: '2', bb: '1' } })).toBe(one)
})

test('each side has its own entry, exact at the ends of the range', () => {
  const body = renderTransfer(transfer, { payer: true, receiver: true })
  expect(body.from_entry).toMatchObject({
    seq: 3,
    amount: -100,
    balance_after: -Number.MAX_SAFE_INTEGER,
    counterparty: { account_id: body.to_account_id },
  })
  expect(body.to_entry).toMatchObject({
    seq: 5,
    amount: 100,
    balance_after: Number.MAX_SAFE_INTEGER,
    counterparty: { account_id: body.from_account_id },
  })
  expect(body.created_at).toBe('2026-01-15T09:30:00.007Z')
})

test('a balance that cannot be exact is a defect and not a wrong number', () => {
  const creditBalanceAfter = BigInt(Number.MAX_SAFE_INTEGER) + 1n
  expect(() => bytes({ creditBalanceAfter })).toThrow('a customer balance')
})
