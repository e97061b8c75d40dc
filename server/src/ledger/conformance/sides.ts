/** Whose accounts a transfer may have on either side, and which side a refusal names. */
import { expect, it } from 'vitest'
import type { Refusal } from '../core/refusals.ts'
import type { TransferInstruction } from '../engine.ts'
import type { World } from './world.ts'

async function refusalOf(world: World, instruction: TransferInstruction): Promise<Refusal> {
  const outcome = await world.ledger.post(instruction)
  expect(outcome.kind).toBe('refused')
  if (outcome.kind !== 'refused') throw new Error('posted')
  return outcome.refusal
}

const notFound = (side: 'debit' | 'credit') => ({ code: 'account_not_found', side })

export function sideCases(use: () => World): void {
  it("treats another user's debit account like one that is not there", async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer()]
    const stolen = world.transfer(from, to, 100, { principalId: to.ownerId })
    expect(await refusalOf(world, stolen)).toEqual(notFound('debit'))
  })

  it('names the credit side when only that one is absent', async () => {
    const world = use()
    const from = await world.customer(500)
    const credit = { accountId: world.newId() }
    const lost = world.transfer(from, from, 100, { credit })
    expect(await refusalOf(world, lost)).toEqual(notFound('credit'))
  })

  it('lets no customer pay into or out of an account of the bank', async () => {
    const world = use()
    const from = await world.customer(500)
    const { account } = await world.ledger.openBankAccount('fees', 'EUR')
    const byId = { accountId: account.accountId }
    for (const bank of [byId, { bankCode: 'fees' }]) {
      const into = world.transfer(from, from, 100, { credit: bank })
      expect(await refusalOf(world, into)).toEqual(notFound('credit'))
      const asWithdrawal = { ...into, idempotencyKey: world.newKey(), kind: 'withdrawal' } as const
      expect(await refusalOf(world, asWithdrawal)).toEqual(notFound('credit'))
      const outOf = world.transfer(from, from, 100, { debit: bank })
      expect(await refusalOf(world, outOf)).toEqual(notFound('debit'))
      const asDeposit = { ...outOf, idempotencyKey: world.newKey(), kind: 'deposit' } as const
      expect(await refusalOf(world, asDeposit)).toEqual(notFound('debit'))
    }
  })

  it('pays in only from the bank to a customer, and out only the other way', async () => {
    const world = use()
    const [one, other] = [await world.customer(500), await world.customer(500)]
    const fees = { bankCode: 'fees' }
    const fromCustomer = world.deposit(one, 100, { debit: other.party })
    expect(await refusalOf(world, fromCustomer)).toEqual(notFound('debit'))
    const toBank = world.deposit(one, 100, { credit: fees })
    expect(await refusalOf(world, toBank)).toEqual(notFound('credit'))
    const toCustomer = world.withdrawal(one, 100, { credit: other.party })
    expect(await refusalOf(world, toCustomer)).toEqual(notFound('credit'))
    const fromBank = world.withdrawal(one, 100, { debit: fees })
    expect(await refusalOf(world, fromBank)).toEqual(notFound('debit'))
  })

  it('lets no teller post to or from an account of their own', async () => {
    const world = use()
    const teller = await world.customer(500)
    const principalId = teller.ownerId
    const paidIn = world.deposit(teller, 100, { principalId })
    expect(await refusalOf(world, paidIn)).toEqual({ code: 'own_account', side: 'credit' })
    const paidOut = world.withdrawal(teller, 100, { principalId })
    expect(await refusalOf(world, paidOut)).toEqual({ code: 'own_account', side: 'debit' })
  })

  it('names the credit side when only its account has another currency', async () => {
    const world = use()
    const from = await world.customer(500)
    const to = await world.open(world.newId(), 'KRW')
    expect(await refusalOf(world, world.transfer(from, to, 100))).toEqual({
      code: 'currency_mismatch',
      side: 'credit',
      accountCurrency: 'KRW',
      currency: 'EUR',
    })
  })

  it('lets a frozen account receive, and a closed one neither receive nor pay', async () => {
    const world = use()
    const [from, to] = [await world.customer(500), await world.customer(500)]
    await world.harness.arrange(to.accountId, { status: 'frozen' })
    await world.mustPost(world.transfer(from, to, 100))
    expect(await world.balanceOf(to)).toBe(600n)
    await world.harness.arrange(to.accountId, { status: 'open' })
    await world.mustPost(world.withdrawal(to, 600))
    await world.harness.arrange(to.accountId, { status: 'closed' })
    const pays = world.transfer(from, to, 100)
    expect(await refusalOf(world, pays)).toEqual({ code: 'account_closed', side: 'credit' })
    const receives = world.transfer(to, from, 100)
    expect(await refusalOf(world, receives)).toEqual({ code: 'account_closed', side: 'debit' })
  })
}
