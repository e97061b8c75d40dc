import { describe, expect, it } from 'vitest'
import { present } from '../../kernel/assert.ts'
import { createUuidSource } from '../../kernel/ids.ts'
import type { BankAccount, TransferInstruction } from '../engine.ts'
import { createKeyMaker } from '../idempotency.ts'
import { rememberedMax } from './bank-codes.ts'
import type { Order } from './order.ts'
import { createPrepare } from './prepare.ts'

/** A bank whose accounts are those that were opened, with the names of all that was asked. */
function createBank() {
  const newId = createUuidSource()
  const accounts = new Map<string, BankAccount>()
  const opened: string[] = []
  const looked: string[] = []
  const maker = createKeyMaker(Buffer.alloc(32, 1))
  const prepare = createPrepare({
    keyMaker: { known: () => maker, read: async () => maker },
    async openBankAccount(code, currency) {
      opened.push(code)
      const account = accounts.get(code) ?? {
        accountId: newId(),
        code,
        currency,
        normalSide: 'debit',
        createdAt: new Date(0),
      }
      accounts.set(code, account)
      return { account, created: true }
    },
    async findBankAccount(code) {
      looked.push(code)
      return accounts.get(code)
    },
    newId,
  })
  const idOf = (code: string) => present(accounts.get(code), code).accountId
  return { prepare, opened, looked, idOf }
}

const customer = '01890a5d-ac96-774b-bcce-b302099a8057'

function deposit(bankCode: string, isDryRun = false): Order {
  const instruction: TransferInstruction = {
    kind: 'deposit',
    principalId: customer,
    authority: 'staff',
    idempotencyKey: { key: 'a key', index: 0 },
    requestId: 'a request',
    debit: { bankCode },
    credit: { accountId: customer },
    amount: 1,
    currency: 'EUR',
    description: null,
    reference: null,
    metadata: null,
  }
  return { instruction, named: undefined, isDryRun }
}

const codesUpTo = (count: number) =>
  Array.from({ length: count }, (_, index) => `settlement:${index}`)

describe('the codes of a batch', () => {
  it('are all resolved, also when more are new than are remembered', async () => {
    const bank = createBank()
    const codes = codesUpTo(rememberedMax + 1)
    const batch = await bank.prepare(codes.map((code) => deposit(code)))
    const ids = batch.map(({ prepared }) => prepared[0]?.debitAccountId)
    expect(ids).toEqual(codes.map((code) => bank.idOf(code)))
    expect(bank.opened).toEqual(codes)
  })

  it('are remembered, and those that are add nothing to what is', async () => {
    const bank = createBank()
    const codes = codesUpTo(rememberedMax)
    await bank.prepare(codes.map((code) => deposit(code)))
    await bank.prepare([deposit('settlement:0'), deposit('settlement:1')])
    await bank.prepare([deposit('settlement:2')])
    expect(bank.opened).toHaveLength(rememberedMax)
  })
})

describe('a dry run whose bank account is not there', () => {
  it('has one that is neither opened, locked nor remembered', async () => {
    const bank = createBank()
    const [tried] = await bank.prepare([deposit('cash', true)])
    const prepared = present(tried?.prepared[0], 'the dry run')
    expect(prepared.virtualAccounts).toMatchObject([
      { id: prepared.debitAccountId, ownerId: null, normalSide: 'debit', currency: 'EUR' },
    ])
    expect(tried?.accountIds).toEqual([customer])
    expect(bank.opened).toEqual([])
    await bank.prepare([deposit('cash', true)])
    expect(bank.looked).toEqual(['cash', 'cash'])
    const [real] = await bank.prepare([deposit('cash')])
    expect(real?.accountIds).toEqual([bank.idOf('cash'), customer])
    expect(real?.prepared[0]).not.toHaveProperty('virtualAccounts')
  })

  it('has the real one where its batch opens that', async () => {
    const bank = createBank()
    const orders = [deposit('cash', true), deposit('cash'), deposit('cash', true)]
    const batch = await bank.prepare(orders)
    const accountIds = [bank.idOf('cash'), customer]
    expect(batch).toMatchObject(orders.map(() => ({ accountIds })))
    const virtual = batch.map(({ prepared }) => prepared[0]?.virtualAccounts ?? [])
    expect(virtual).toEqual([[], [], []])
  })
})
