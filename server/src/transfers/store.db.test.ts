import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  cash,
  createStoreBank,
  explain,
  fillTransfers,
  type Filling,
  type StoreBank,
} from '../../../test/support/store-bank.ts'
import { present } from '../kernel/assert.ts'
import type { Uuid } from '../kernel/ids.ts'
import type { PostedTransfer } from '../ledger/ledger.ts'
import { createTransferStore, type OwnedTransfer, type TransferStore } from './store.ts'

let bank: StoreBank
let store: TransferStore
let filling: Filling
let alice: Uuid
let bob: Uuid
let from: Uuid
let to: Uuid
/** Of Alice and Bob too, for what would disturb the lists of the others. */
let payer: Uuid
let receiver: Uuid
/** Oldest first. */
let posted: PostedTransfer[]

beforeAll(async () => {
  bank = await createStoreBank()
  store = createTransferStore(bank)
  filling = await fillTransfers(bank)
  alice = await bank.user('alice')
  bob = await bank.user('bob')
  from = await bank.open(alice)
  to = await bank.open(bob)
  payer = await bank.open(alice)
  receiver = await bank.open(bob)
  await bank.post({ debit: cash, credit: { accountId: payer }, amount: 1000 })
  const parties = { principalId: alice, debit: { accountId: from }, credit: { accountId: to } }
  const back = { principalId: bob, debit: { accountId: to }, credit: { accountId: from } }
  posted = [
    await bank.post({ debit: cash, credit: { accountId: from }, amount: 1000 }),
    await bank.post({ ...parties, reference: 'rent', metadata: { b: '2', a: '1' } }),
    await bank.post({ ...parties, description: 'Words', reference: 'other' }),
    await bank.post({ ...back, reference: 'rent' }),
    await bank.post(parties),
  ]
})

afterAll(async () => {
  await bank.close()
})

const idsOf = (transfers: readonly { id: Uuid }[]) => transfers.map(({ id }) => id)

describe('find', () => {
  test('gives the transfer as it was posted, words and all, and who owns the two sides', async () => {
    const transfer = present(posted[1], 'the transfer')
    const expected: OwnedTransfer = { ...transfer, debitOwnerId: alice, creditOwnerId: bob }
    expect(await store.find(transfer.id)).toEqual(expected)
  })

  test('a side of the bank has no owner; a transfer without words has none', async () => {
    const deposit = present(posted[0], 'the deposit')
    const expected: OwnedTransfer = { ...deposit, debitOwnerId: null, creditOwnerId: alice }
    expect(await store.find(deposit.id)).toEqual(expected)
  })

  test('there is nothing under another id', async () => {
    expect(await store.find(bank.newUuid())).toBeUndefined()
  })
})

describe('listByAccount', () => {
  test('both sides, newest first along the seq of the account, page by page', async () => {
    const newest = idsOf(posted.toReversed())
    const first = await store.listByAccount({ accountId: from, seqBefore: undefined, limit: 3 })
    expect(idsOf(first)).toEqual(newest.slice(0, 3))
    const rest = await store.listByAccount({ accountId: from, seqBefore: 3, limit: 3 })
    expect(idsOf(rest)).toEqual(newest.slice(3))
    const bobs = await store.listByAccount({ accountId: to, seqBefore: undefined, limit: 9 })
    expect(idsOf(bobs)).toEqual(newest.slice(0, 4))
  })

  test.each([undefined, 10_001])('reads about 10 pages below seq %s', async (seqBefore) => {
    await store.listByAccount({ accountId: filling.busy, seqBefore, limit: 21 })
    const nodes = await explain(bank, present(bank.queries.at(-1), 'the query'))
    const append = present(
      nodes.find(({ type }) => type === 'Merge Append'),
      'the merge append',
    )
    expect(append.buffers).toBeLessThanOrEqual(20)
    expect(scanned(nodes)).not.toContain('transfer')
  })
})

describe('listByReference', () => {
  test('an equal reference on either side of the account, newest first, page by page', async () => {
    const named = idsOf([3, 1].map((index) => present(posted[index], 'a transfer')))
    const page = { reference: 'rent', accountId: from, before: undefined, limit: 1 }
    expect(idsOf(await store.listByReference(page))).toEqual(named.slice(0, 1))
    const next = { ...page, before: present(named[0], 'an id') }
    expect(idsOf(await store.listByReference(next))).toEqual(named.slice(1))
    const others = await store.listByReference({ ...page, accountId: bank.newUuid() })
    expect(others).toEqual([])
  })

  test('without an account, in all of the bank', async () => {
    const page = { reference: 'other', accountId: undefined, before: undefined, limit: 9 }
    expect(idsOf(await store.listByReference(page))).toEqual([posted[2]?.id])
    expect(await store.listByReference({ ...page, reference: 'oth' })).toEqual([])
  })

  test.each(['of an account', 'in all'])('goes by an index: %s', async (where) => {
    const accountId = where === 'in all' ? undefined : filling.busy
    const page = { reference: 'ref 3', accountId, before: undefined, limit: 21 }
    expect(await store.listByReference(page)).toHaveLength(21)
    const nodes = await explain(bank, present(bank.queries.at(-1), 'the query'))
    expect(scanned(nodes)).not.toContain('transfer')
    expect(scanned(nodes)).not.toContain('transfer_text')
    expect(present(nodes[0], 'the top').buffers).toBeLessThanOrEqual(400)
  })
})

describe('listAll', () => {
  test('newest first along the ids, page by page', async () => {
    const first = await store.listAll({ before: undefined, limit: 3 })
    expect(idsOf(first)).toEqual(idsOf(posted.toReversed()).slice(0, 3))
    const next = await store.listAll({ before: present(first.at(-1), 'the last').id, limit: 2 })
    expect(idsOf(next)).toEqual(idsOf(posted.toReversed()).slice(3))
  })

  test('goes by the primary key', async () => {
    await store.listAll({ before: present(posted[0], 'the first').id, limit: 21 })
    const nodes = await explain(bank, present(bank.queries.at(-1), 'the query'))
    expect(nodes.map(({ index }) => index)).toContain('transfer_pkey')
    expect(scanned(nodes)).not.toContain('transfer')
  })
})

async function pay(): Promise<PostedTransfer> {
  const [debit, credit] = [{ accountId: payer }, { accountId: receiver }]
  return bank.post({ principalId: alice, debit, credit })
}

async function reverse(transferId: Uuid, amount: number): Promise<PostedTransfer> {
  const outcome = await bank.ledger.post({
    kind: 'reversal',
    principalId: bob,
    authority: 'owner',
    idempotencyKey: { key: bank.newUuid(), index: 0 },
    requestId: 'arrange',
    transferId,
    amount,
    description: null,
    reference: null,
    metadata: null,
  })
  if (outcome.kind !== 'posted') throw new Error(`not posted: ${outcome.refusal.code}`)
  return outcome.transfer
}

describe('listReversals and reversedAmount', () => {
  /** Oldest first: 10, 20 and 30 of the first payment. */
  const reversals: PostedTransfer[] = []
  let original: PostedTransfer

  beforeAll(async () => {
    original = await pay()
    for (const amount of [10, 20, 30]) reversals.push(await reverse(original.id, amount))
    await reverse((await pay()).id, 5)
  })

  test('those of one transfer, newest first, page by page, each naming it', async () => {
    const newest = idsOf(reversals.toReversed())
    const page = { id: original.id, before: undefined, limit: 2 }
    const first = await store.listReversals(page)
    expect(idsOf(first)).toEqual(newest.slice(0, 2))
    expect(first[0]).toMatchObject({ kind: 'reversal', reversesId: original.id, holdId: null })
    const rest = await store.listReversals({ ...page, before: present(newest[1], 'an id') })
    expect(idsOf(rest)).toEqual(newest.slice(2))
    expect(await store.listReversals({ ...page, id: bank.newUuid() })).toEqual([])
  })

  test('their sum, which is 0 where there are none', async () => {
    expect(await store.reversedAmount(original.id)).toBe(60)
    expect(await store.reversedAmount(present(reversals[0], 'one').id)).toBe(0)
  })
})

function scanned(nodes: { type: string; relation: string | undefined }[]) {
  return nodes.filter(({ type }) => type === 'Seq Scan').map(({ relation }) => relation)
}
