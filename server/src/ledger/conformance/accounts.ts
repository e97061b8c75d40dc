/** Opening accounts: a customer's, the bank's own, and reading them. */
import { expect, it } from 'vitest'
import type { OpenAccountInstruction } from '../engine.ts'
import type { World } from './world.ts'

function opening(world: World, changes: Partial<OpenAccountInstruction> = {}) {
  return {
    ownerId: world.newId(),
    currency: 'EUR',
    name: 'Savings',
    accountsMax: 2,
    requestId: 'request-first',
    idempotencyKey: world.newKey(),
    ...changes,
  }
}

const tooMany = {
  kind: 'refused',
  refusal: { code: 'too_many_accounts', limit: 2 },
  replayed: false,
  requestId: 'request-first',
}

export function accountCases(use: () => World): void {
  it('opens an empty account and gives it again for its key', async () => {
    const world = use()
    const instruction = opening(world)
    const first = await world.ledger.openAccount(instruction)
    expect(first).toMatchObject({
      kind: 'opened',
      account: { ownerId: instruction.ownerId, currency: 'EUR', name: 'Savings' },
      replayed: false,
      requestId: 'request-first',
    })
    const again = await world.ledger.openAccount({ ...instruction, requestId: 'request-again' })
    expect(again).toEqual({ ...first, replayed: true })
    if (first.kind !== 'opened') throw new Error('refused')
    expect(await world.ledger.account(first.account.id)).toMatchObject({
      status: 'open',
      normalSide: 'credit',
      ledgerBalance: 0n,
      version: 0,
    })
  })

  it('refuses the key of one opening to another, naming what differs', async () => {
    const world = use()
    const instruction = opening(world)
    await world.ledger.openAccount(instruction)
    const other = { ...instruction, currency: 'USD', name: null, requestId: 'request-other' }
    expect(await world.ledger.openAccount(other)).toEqual({
      kind: 'refused',
      refusal: { code: 'idempotency_key_reused', fields: ['currency', 'name'] },
      replayed: false,
      requestId: 'request-other',
    })
  })

  it('refuses the key of an opening to a transfer, and the other way round', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const idempotencyKey = world.newKey()
    const instruction = opening(world, { ownerId: from.ownerId, name: null, idempotencyKey })
    await world.ledger.openAccount(instruction)
    const moved = await world.ledger.post(world.transfer(from, to, 100, { idempotencyKey }))
    const fields = ['kind', 'from_account_id', 'to_account_id', 'amount']
    const reused = { refusal: { code: 'idempotency_key_reused', fields }, replayed: false }
    expect(moved).toMatchObject(reused)

    const transfer = world.transfer(from, to, 100)
    await world.mustPost(transfer)
    const second = { ...instruction, idempotencyKey: transfer.idempotencyKey }
    expect(await world.ledger.openAccount(second)).toMatchObject(reused)
  })

  it('opens as many as allowed, counts no closed ones, and keeps a refusal for its key', async () => {
    const world = use()
    const ownerId = world.newId()
    const first = await world.ledger.openAccount(opening(world, { ownerId }))
    const second = await world.ledger.openAccount(opening(world, { ownerId, idempotencyKey: null }))
    expect([first.kind, second.kind]).toEqual(['opened', 'opened'])
    const third = opening(world, { ownerId })
    expect(await world.ledger.openAccount(third)).toEqual(tooMany)
    const withoutKey = opening(world, { ownerId, idempotencyKey: null })
    expect(await world.ledger.openAccount(withoutKey)).toEqual(tooMany)
    if (first.kind !== 'opened') throw new Error('refused')
    await world.harness.arrange(first.account.id, { status: 'closed' })
    expect(await world.ledger.openAccount(withoutKey)).toMatchObject({ kind: 'opened' })
    const again = { ...third, requestId: 'request-again' }
    expect(await world.ledger.openAccount(again)).toEqual({ ...tooMany, replayed: true })
  })

  it('opens no more than allowed when many ask at once', async () => {
    const world = use()
    const ownerId = world.newId()
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => world.ledger.openAccount(opening(world, { ownerId }))),
    )
    expect(outcomes.filter(({ kind }) => kind === 'opened')).toHaveLength(2)
    expect(outcomes.filter(({ kind }) => kind === 'refused')).toHaveLength(6)
  })

  it('opens one account for equal keys that come at once', async () => {
    const world = use()
    const instruction = opening(world, { accountsMax: 100 })
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => world.ledger.openAccount(instruction)),
    )
    const ids = outcomes.map((outcome) => outcome.kind === 'opened' && outcome.account.id)
    expect(new Set(ids).size).toBe(1)
    expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(1)
  })

  it('opens a bank account on first use, once, on its normal side', async () => {
    const world = use()
    const customer = await world.open(world.newId(), 'KWD')
    const kwd = { currency: 'KWD' }
    const outcomes = await world.postAll([
      world.deposit(customer, 300, kwd),
      world.deposit(customer, 300, { ...kwd, debit: { bankCode: 'settlement:swift' } }),
      world.deposit(customer, 300, kwd),
      world.withdrawal(customer, 50, { ...kwd, credit: { bankCode: 'fees' } }),
    ])
    expect(outcomes.map(({ kind }) => kind)).toEqual(['posted', 'posted', 'posted', 'posted'])
    expect(await world.bankBalance('cash', 'KWD')).toBe(600n)
    expect(await world.bankBalance('settlement:swift', 'KWD')).toBe(300n)
    expect(await world.bankBalance('fees', 'KWD')).toBe(50n)
    const cash = await world.ledger.openBankAccount('cash', 'KWD')
    expect(cash).toMatchObject({ created: false, account: { code: 'cash', normalSide: 'debit' } })
    const fees = await world.ledger.openBankAccount('fees', 'KWD')
    expect(fees).toMatchObject({ created: false, account: { normalSide: 'credit' } })
  })

  it('opens a bank account once when many ask at once, on the side asked for', async () => {
    const world = use()
    const code = `settlement:${world.newId()}`
    const opened = await Promise.all(
      Array.from({ length: 5 }, () => world.ledger.openBankAccount(code, 'EUR', 'credit')),
    )
    expect(opened.filter(({ created }) => created)).toHaveLength(1)
    expect(new Set(opened.map(({ account }) => account.accountId)).size).toBe(1)
    expect(opened[0]?.account).toMatchObject({ code, currency: 'EUR', normalSide: 'credit' })
  })

  it('has no state for an account that is not there', async () => {
    const world = use()
    expect(await world.ledger.account(world.newId())).toBeUndefined()
  })
}
