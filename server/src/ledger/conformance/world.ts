/**
 * What every case of the conformance suite starts from: users, accounts with money in them, and
 * instructions between them. Cases share an engine but no rows, save the bank's own accounts.
 */
import { assert } from '../../kernel/assert.ts'
import { createUuidSource, type Uuid } from '../../kernel/ids.ts'
import { MINOR_MAX, type Minor } from '../../kernel/money.ts'
import type { StaffEvent } from '../core/staff-event.ts'
import type {
  AccountState,
  CaptureInstruction,
  Hold,
  HoldInstruction,
  LedgerEngine,
  Party,
  PostedTransfer,
  PostingInstruction,
  ReleaseInstruction,
  ReversalInstruction,
  TransferInstruction,
  TransferOutcome,
} from '../engine.ts'

/** The limit for one transfer in the suite: one less than the greatest amount. */
export const conformanceAmountMax: Minor = MINOR_MAX - 1

/** A time zone in which it is about noon, so that no day ends while the suite runs. */
export const conformanceTimeZone = noonTimeZone(new Date().getUTCHours())

function noonTimeZone(hour: number): string {
  // `Etc/GMT-3` is three hours ahead.
  const ahead = 12 - hour
  return ahead === 0 ? 'UTC' : `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`
}

export interface LedgerHarness {
  /**
   * An engine whose `transferAmountMax` is {@link conformanceAmountMax} and whose days are those of
   * {@link conformanceTimeZone}.
   */
  ledger: LedgerEngine
  /** Sets what no instruction sets. */
  arrange(
    accountId: Uuid,
    settings: { status?: AccountState['status']; overdraftLimit?: Minor },
  ): Promise<void>
  /** Makes a hold overdue, as if its time had come at this moment. */
  makeOverdue(holdId: Uuid): Promise<void>
  hold(holdId: Uuid): Promise<Hold | undefined>
  /** Every transfer that is posted, in any order. */
  transfers(): Promise<readonly PostedTransfer[]>
  /** How many accounts the bank itself has, and how many codes for them. */
  bankAccounts(): Promise<{ accounts: number; codes: number }>
  /** What the audit trail has of that one's instructions, by id. */
  staffEvents(actorId: Uuid): Promise<readonly StaffEvent[]>
  /** What makes an otherwise good instruction impossible for this engine to post. */
  defects: readonly { name: string; change: Partial<TransferInstruction> }[]
  /** Throws unless the books are right. */
  audit(): Promise<void>
  close(): Promise<void>
}

export type World = ReturnType<typeof createWorld>

export function createWorld(harness: LedgerHarness) {
  const { ledger } = harness
  const newId = createUuidSource()
  const teller = newId()
  let count = 0

  function newKey(): { key: string; index: number } {
    count += 1
    return { key: `key-${count}-${newId()}`, index: 0 }
  }

  function instruct(changes: Partial<TransferInstruction>): TransferInstruction {
    return {
      kind: 'transfer',
      principalId: teller,
      authority: 'staff',
      idempotencyKey: newKey(),
      requestId: `request-${count}`,
      debit: { bankCode: 'cash' },
      credit: { bankCode: 'cash' },
      amount: 100,
      currency: 'EUR',
      description: null,
      reference: null,
      metadata: null,
      ...changes,
    }
  }

  async function open(ownerId: Uuid = newId(), currency = 'EUR'): Promise<Customer> {
    const outcome = await ledger.openAccount({
      ownerId,
      currency,
      name: null,
      accountsMax: 100,
      requestId: 'request-open',
      idempotencyKey: null,
    })
    assert(outcome.kind === 'opened', 'a user of the suite may open an account')
    return { ownerId, accountId: outcome.account.id, party: { accountId: outcome.account.id } }
  }

  const deposit = (to: Customer, amount: Minor, changes: Partial<TransferInstruction> = {}) =>
    instruct({ kind: 'deposit', credit: to.party, amount, ...changes })

  const withdrawal = (from: Customer, amount: Minor, changes: Partial<TransferInstruction> = {}) =>
    instruct({ kind: 'withdrawal', debit: from.party, amount, ...changes })

  const transfer = (
    from: Customer,
    to: Customer,
    amount: Minor,
    changes: Partial<TransferInstruction> = {},
  ) =>
    instruct({
      principalId: from.ownerId,
      authority: 'owner',
      debit: from.party,
      credit: to.party,
      amount,
      ...changes,
    })

  const asked = ({ ownerId }: Pick<Customer, 'ownerId'>) => {
    const idempotencyKey = newKey()
    const requestId = `request-${count}`
    return { principalId: ownerId, authority: 'owner', idempotencyKey, requestId } as const
  }
  const noWords = { description: null, reference: null, metadata: null }

  const hold = (
    from: Customer,
    to: Customer,
    amount: Minor,
    changes: Partial<HoldInstruction> = {},
  ): HoldInstruction => ({
    kind: 'hold',
    ...asked(from),
    debit: from.party,
    credit: to.party,
    amount,
    currency: 'EUR',
    expiresInSeconds: 3600,
    ...changes,
  })

  const capture = (
    from: Customer,
    { id }: Pick<Hold, 'id'>,
    changes: Partial<CaptureInstruction> = {},
  ): CaptureInstruction => ({
    kind: 'capture',
    ...asked(from),
    holdId: id,
    amount: null,
    ...noWords,
    ...changes,
  })

  const release = (from: Customer, { id }: Pick<Hold, 'id'>): ReleaseInstruction => ({
    kind: 'release',
    ...asked(from),
    holdId: id,
  })

  const reversal = (
    receiver: Customer,
    { id }: Pick<PostedTransfer, 'id'>,
    changes: Partial<ReversalInstruction> = {},
  ): ReversalInstruction => ({
    kind: 'reversal',
    ...asked(receiver),
    transferId: id,
    amount: null,
    ...noWords,
    ...changes,
  })

  /** Holds or releases, and fails the test unless it is done now. */
  async function mustHold(instruction: HoldInstruction | ReleaseInstruction): Promise<Hold> {
    const outcome = await ledger.hold(instruction)
    assert(outcome.kind === 'held' && !outcome.replayed, 'a hold that nothing refuses')
    return outcome.hold
  }

  /** Posts, and fails the test unless it is posted now. */
  async function mustPost(instruction: PostingInstruction): Promise<PostedTransfer> {
    const outcome = await ledger.post(instruction)
    assert(outcome.kind === 'posted' && !outcome.replayed, `not posted: ${describe(outcome)}`)
    return outcome.transfer
  }

  /** A new user with one account and that balance. */
  async function customer(balance: Minor = 0): Promise<Customer> {
    const opened = await open()
    const first = Math.min(balance, conformanceAmountMax)
    if (first > 0) await mustPost(deposit(opened, first))
    if (balance > first) await mustPost(deposit(opened, balance - first))
    return opened
  }

  /** Sets both limits; those that are not given are taken away. */
  async function setLimits(
    { accountId }: Pick<Customer, 'accountId'>,
    { transferLimit = null, dailyLimit = null }: Partial<Limits>,
  ): Promise<void> {
    const outcome = await ledger.changeAccount({
      principalId: teller,
      authority: 'staff',
      accountId,
      change: { kind: 'set_limits', transferLimit, dailyLimit },
      requestId: 'request-limits',
    })
    assert(outcome.kind === 'changed', 'the limits of an open account can be set')
  }

  async function balanceOf({ accountId }: { accountId: Uuid }): Promise<bigint> {
    const state = await ledger.account(accountId)
    assert(state, 'the account is there')
    return state.ledgerBalance
  }

  async function bankBalance(code: string, currency = 'EUR'): Promise<bigint> {
    const { account } = await ledger.openBankAccount(code, currency)
    return balanceOf(account)
  }

  /** Sends many at once and waits for all, in parts that fit any queue. */
  async function postAll(instructions: readonly PostingInstruction[]): Promise<TransferOutcome[]> {
    const outcomes: TransferOutcome[] = []
    for (let start = 0; start < instructions.length; start += 200) {
      const part = instructions.slice(start, start + 200)
      outcomes.push(...(await Promise.all(part.map((instruction) => ledger.post(instruction)))))
    }
    return outcomes
  }

  return {
    harness,
    ledger,
    teller,
    newId,
    newKey,
    instruct,
    open,
    customer,
    deposit,
    withdrawal,
    transfer,
    hold,
    capture,
    release,
    reversal,
    mustHold,
    mustPost,
    setLimits,
    postAll,
    balanceOf,
    bankBalance,
  }
}

type Limits = Pick<AccountState, 'transferLimit' | 'dailyLimit'>

/** A user and one account of theirs. */
export interface Customer {
  ownerId: Uuid
  accountId: Uuid
  party: Extract<Party, { accountId: Uuid }>
}

export function describe(outcome: TransferOutcome): string {
  return outcome.kind === 'refused' ? JSON.stringify(outcome.refusal) : 'posted'
}

/** One account's side of its transfers, in order of seq; `normalSide` gives amounts their sign. */
export function entriesOf(
  transfers: readonly PostedTransfer[],
  { id, normalSide }: Pick<AccountState, 'id' | 'normalSide'>,
): { seq: number; amount: bigint; balanceAfter: bigint; createdAt: Date }[] {
  const sign = (side: AccountState['normalSide']) => (side === normalSide ? 1n : -1n)
  return transfers
    .flatMap((transfer) => {
      const { amount, createdAt } = transfer
      if (transfer.debitAccountId === id) {
        const { debitSeq: seq, debitBalanceAfter: balanceAfter } = transfer
        return [{ seq, amount: sign('debit') * BigInt(amount), balanceAfter, createdAt }]
      }
      if (transfer.creditAccountId === id) {
        const { creditSeq: seq, creditBalanceAfter: balanceAfter } = transfer
        return [{ seq, amount: sign('credit') * BigInt(amount), balanceAfter, createdAt }]
      }
      return []
    })
    .toSorted((a, b) => a.seq - b.seq)
}

/**
 * Asserts that an account is the sum of its entries: seq gapless from 1 to its version, each balance
 * the one before plus the amount, time never going back.
 */
export function assertChain(transfers: readonly PostedTransfer[], account: AccountState): void {
  let balance = 0n
  let seq = 0
  let time = -Infinity
  for (const entry of entriesOf(transfers, account)) {
    seq += 1
    balance += entry.amount
    assert(entry.seq === seq, `account ${account.id} has seq ${entry.seq} in place ${seq}`)
    assert(entry.balanceAfter === balance, `account ${account.id} has a wrong balance at ${seq}`)
    assert(entry.createdAt.getTime() >= time, `account ${account.id} goes back in time at ${seq}`)
    time = entry.createdAt.getTime()
  }
  assert(account.version === seq, `account ${account.id} has another version than entries`)
  assert(account.ledgerBalance === balance, `account ${account.id} is not the sum of its entries`)
}

/** Asserts that exactly what active holds reserve is held. */
export function assertHeld(holds: readonly Hold[], { id, held }: AccountState): void {
  const active = holds.filter(
    ({ debitAccountId, state }) => debitAccountId === id && state === 'active',
  )
  const reserved = active.reduce((sum, { amount }) => sum + amount, 0)
  assert(held === reserved, `account ${id} has ${held} held in place of ${reserved}`)
}
