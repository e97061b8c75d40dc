/**
 * The model: a ledger in plain maps that decides one instruction at a time with the same core as the
 * real engine. It is the oracle of the tests and the ledger of route tests; nothing in it survives
 * the process, so it never holds anyone's money.
 *
 * Each call is carried out whole before it returns its promise, so calls take effect in the order in
 * which they are made.
 */
import { assert, present } from '../../kernel/assert.ts'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import type { CurrencyCode } from '../../kernel/currency.ts'
import { createDayStart } from '../../kernel/day-start.ts'
import { Fault } from '../../kernel/fault.ts'
import { createUuidSource, type Uuid } from '../../kernel/ids.ts'
import { MINOR_MAX, type Minor } from '../../kernel/money.ts'
import { emptyAccount, stateOf } from '../core/account.ts'
import { countsFrom, decideChange } from '../core/change.ts'
import { decide } from '../core/decide.ts'
import { assertGroup } from '../core/group.ts'
import { bankNormalSide, decideOpening, virtualBankAccount } from '../core/opening.ts'
import { decodeRefusal, encodeRefusal } from '../core/stored-refusal.ts'
import type { Side } from '../core/refusals.ts'
import type { StaffEvent } from '../core/staff-event.ts'
import type {
  LedgerRules,
  LockedAccount,
  NewKey,
  PostedFacts,
  PreparedGroup,
  PreparedInstruction,
  StoredKey,
} from '../core/types.ts'
import type {
  AccountState,
  BankAccount,
  ChangeAccountInstruction,
  ChangeAccountOutcome,
  Hold,
  Instruction,
  LedgerEngine,
  OpenAccountInstruction,
  OpenAccountOutcome,
  Outcome,
  Party,
  PostedTransfer,
  PostOptions,
  TransferOutcome,
} from '../engine.ts'
import { createKeyMaker } from '../idempotency.ts'
import { originalsOf, overdueOn } from './named.ts'

export interface MemoryLedgerOptions {
  /** Business time; it may step back, bookings do not. */
  clock?: Clock
  transferAmountMax?: Minor
  /** IANA; `UTC` when not given. */
  timeZone?: string
}

/** What tests may see and set beside the engine's own calls. */
export interface MemoryLedger extends LedgerEngine {
  /** Every transfer there is, in the order of posting. */
  transfers(): readonly PostedTransfer[]
  transfer(id: Uuid): PostedTransfer | undefined
  /** Every hold there is, in the order of placing. */
  holds(): readonly Hold[]
  accounts(): readonly AccountState[]
  bankAccounts(): readonly BankAccount[]
  /** What the audit trail would keep of staff's instructions, in order. */
  staffEvents(): readonly StaffEvent[]
  /** Makes a hold expire at this moment. */
  makeOverdue(holdId: Uuid): void
  /** Sets what no instruction sets: status and overdraft limit. */
  arrange(accountId: Uuid, settings: Partial<Pick<AccountState, 'status' | 'overdraftLimit'>>): void
}

export function createMemoryLedger(options: MemoryLedgerOptions = {}): MemoryLedger {
  const { clock = systemClock, transferAmountMax = MINOR_MAX, timeZone = 'UTC' } = options
  const rules: LedgerRules = { transferAmountMax, dayStart: createDayStart(timeZone) }
  const newId = createUuidSource(() => clock.now().getTime())
  const keyMaker = createKeyMaker(Buffer.alloc(32, 1))
  const accounts = new Map<Uuid, LockedAccount>()
  const bankAccounts = new Map<string, BankAccount>()
  const transfers = new Map<Uuid, PostedTransfer>()
  const holds = new Map<Uuid, Hold>()
  const keys = new Map<Uuid, StoredKey>()
  const staffEvents: StaffEvent[] = []
  let isStopped = false

  function open(ownerId: Uuid | null, currency: CurrencyCode, normalSide: Side, id = newId()) {
    accounts.set(id, emptyAccount({ id, ownerId, currency, normalSide }))
    return id
  }

  function openBank(code: string, currency: CurrencyCode, normalSide = bankNormalSide(code)) {
    const known = bankAccounts.get(`${code}:${currency}`)
    if (known) return { account: known, created: false }
    const accountId = open(null, currency, normalSide)
    const account = { accountId, code, currency, normalSide, createdAt: clock.now() }
    bankAccounts.set(`${code}:${currency}`, account)
    return { account, created: true }
  }

  /** `virtual`: given for a dry run, which opens nothing; what it would open is kept in there. */
  function accountIdOf(party: Party, currency: CurrencyCode, virtual?: VirtualAccounts): Uuid {
    if ('accountId' in party) return party.accountId
    const { bankCode } = party
    const name = `${bankCode}:${currency}`
    if (!virtual || bankAccounts.has(name)) return openBank(bankCode, currency).account.accountId
    const account = virtual.get(name) ?? virtualBankAccount(newId(), bankCode, currency)
    virtual.set(name, account)
    return account.id
  }

  /** Keeps a key in the form in which a database would: without words, the refusal as JSON. */
  function storeKey(key: NewKey): void {
    const { transferId, holdId, accountId, refusal, createdAtMilliseconds, ...identity } = key
    assert(!keys.has(key.keyId), 'a key is stored once')
    if (refusal !== null) {
      const stored: unknown = JSON.parse(JSON.stringify(encodeRefusal(refusal)))
      keys.set(key.keyId, {
        ...identity,
        outcome: { kind: 'refused', refusal: decodeRefusal(stored) },
      })
    } else if (transferId !== null) {
      const transfer = factsOf(present(transfers.get(transferId), 'the transfer of a key'))
      keys.set(key.keyId, { ...identity, outcome: { kind: 'posted', transfer } })
    } else if (holdId !== null) {
      const hold = present(holds.get(holdId), 'the hold of a key')
      keys.set(key.keyId, { ...identity, outcome: { kind: 'held', hold } })
    } else {
      const id = present(accountId, 'the account of a key')
      keys.set(key.keyId, {
        ...identity,
        outcome: { kind: 'opened', accountId: id, createdAtMilliseconds },
      })
    }
  }

  function assertRunning(): void {
    if (isStopped) throw new Fault('shutting_down', 'the ledger has stopped')
  }

  function countOpen(owner: Uuid): number {
    const states = [...accounts.values()]
    return states.filter(({ ownerId, status }) => ownerId === owner && status !== 'closed').length
  }

  /** The accounts of an instruction, those that exist and those that do not. */
  function accountIdsOf(
    instruction: Instruction,
    virtual?: VirtualAccounts,
  ): Pick<PreparedInstruction, 'debitAccountId' | 'creditAccountId'> {
    switch (instruction.kind) {
      case 'capture':
      case 'release': {
        const hold = holds.get(instruction.holdId)
        const creditAccountId = instruction.kind === 'capture' ? hold?.creditAccountId : undefined
        return { debitAccountId: hold?.debitAccountId, creditAccountId }
      }
      case 'reversal': {
        const original = transfers.get(instruction.transferId)
        const debitAccountId = original?.creditAccountId
        return { debitAccountId, creditAccountId: original?.debitAccountId }
      }
      default: {
        const { debit, credit, currency } = instruction
        const debitAccountId = accountIdOf(debit, currency, virtual)
        return { debitAccountId, creditAccountId: accountIdOf(credit, currency, virtual) }
      }
    }
  }

  /** One instruction, or all of a group. */
  function prepare(
    instructions: readonly Instruction[],
    { dryRun: isDryRun = false }: PostOptions,
    group?: PreparedGroup,
  ): PreparedInstruction[] {
    const virtual: VirtualAccounts | undefined = isDryRun ? new Map() : undefined
    const prepared = instructions.map((instruction) => ({
      ...keyMaker.instruction(instruction, group?.size),
      newId: newId(),
      ...accountIdsOf(instruction, virtual),
      instruction,
      isDryRun,
      ...(group && { group }),
    }))
    if (!virtual) return prepared
    const virtualAccounts = [...virtual.values()]
    return prepared.map((each) => ({ ...each, virtualAccounts }))
  }

  function carryOut(prepared: readonly PreparedInstruction[]): readonly Outcome[] {
    const named = prepared.flatMap(({ debitAccountId, creditAccountId }) =>
      [debitAccountId, creditAccountId].filter((id) => id !== undefined),
    )
    return apply(named, prepared)
  }

  function carryOutOne(instruction: Instruction, postOptions: PostOptions = {}): Outcome {
    assertRunning()
    return present(
      carryOut(prepare([instruction], postOptions))[0],
      'the outcome of the instruction',
    )
  }

  /** Decides, and keeps what was decided. */
  function apply(
    accountIds: readonly Uuid[],
    instructions: readonly PreparedInstruction[],
  ): readonly Outcome[] {
    const nowMilliseconds = clock.now().getTime()
    const decision = decide({
      accounts,
      keys,
      holds,
      originals: originalsOf(transfers, instructions),
      overdue: overdueOn(accounts, holds, accountIds, nowMilliseconds),
      instructions,
      nowMilliseconds,
      rules,
    })
    for (const account of decision.accounts) accounts.set(account.id, account)
    for (const { hold } of decision.holds) holds.set(hold.id, hold)
    for (const transfer of decision.transfers) transfers.set(transfer.id, transfer)
    for (const key of decision.keys) storeKey(key)
    staffEvents.push(...decision.staffEvents)
    return decision.outcomes
  }

  async function openAccount(instruction: OpenAccountInstruction): Promise<OpenAccountOutcome> {
    assertRunning()
    const keyed = instruction.idempotencyKey ? keyMaker.opening(instruction) : undefined
    const decision = decideOpening({
      accountId: newId(),
      instruction,
      keyed,
      storedKey: keyed && keys.get(keyed.keyId),
      accountCount: countOpen(instruction.ownerId),
      nowMilliseconds: clock.now().getTime(),
    })
    if (decision.account) {
      open(decision.account.ownerId, decision.account.currency, 'credit', decision.account.id)
    }
    if (decision.key) storeKey(decision.key)
    return decision.outcome
  }

  async function changeAccount(
    instruction: ChangeAccountInstruction,
  ): Promise<ChangeAccountOutcome> {
    assertRunning()
    const { accountId } = instruction
    apply([accountId], [])
    const account = accounts.get(accountId)
    const nowMilliseconds = clock.now().getTime()
    const since = account && countsFrom(instruction, account, { nowMilliseconds, rules })
    const spending =
      since === undefined
        ? undefined
        : { sinceMilliseconds: since, spent: spentSince(accountId, since) }
    const decision = decideChange(instruction, account, spending)
    if (decision.kind === 'refused') return decision
    accounts.set(accountId, decision.account)
    return { ...decision, account: stateOf(decision.account) }
  }

  /** What a daily limit would have counted, had there been one. */
  function spentSince(accountId: Uuid, milliseconds: number): bigint {
    const isCounted = (thing: { debitAccountId: Uuid; createdAt: Date }) =>
      thing.debitAccountId === accountId && thing.createdAt.getTime() >= milliseconds
    const moved = [...transfers.values()].filter((each) => each.kind === 'transfer')
    const amounts = [
      ...moved.filter(isCounted).map(({ amount }) => amount),
      ...[...holds.values()]
        .filter(isCounted)
        .map(({ state, amount, captured }) => (state === 'active' ? amount : captured)),
    ]
    return amounts.reduce((sum, amount) => sum + BigInt(amount), 0n)
  }

  return {
    async post(instruction, postOptions) {
      return asTransferOutcome(carryOutOne(instruction, postOptions))
    },
    async postGroup(instructions, postOptions = {}) {
      assertRunning()
      assertGroup(instructions)
      const group = { id: newId(), size: instructions.length }
      const outcomes = carryOut(prepare(instructions, postOptions, group))
      return { outcomes: outcomes.map(asTransferOutcome) }
    },
    async hold(instruction, postOptions) {
      const outcome = carryOutOne(instruction, postOptions)
      assert(outcome.kind !== 'posted', 'a hold is answered with a hold')
      return outcome
    },
    async expireHolds(accountIds) {
      assertRunning()
      apply(accountIds, [])
    },
    openAccount,
    changeAccount,
    async openBankAccount(code, currency, normalSide) {
      assertRunning()
      return openBank(code, currency, normalSide)
    },
    async account(id) {
      const locked = accounts.get(id)
      return locked && stateOf(locked)
    },
    async stop() {
      isStopped = true
    },
    transfers: () => [...transfers.values()],
    transfer: (id) => transfers.get(id),
    holds: () => [...holds.values()],
    accounts: () => Array.from(accounts.values(), stateOf),
    bankAccounts: () => [...bankAccounts.values()],
    staffEvents: () => [...staffEvents],
    makeOverdue(holdId) {
      const hold = present(holds.get(holdId), 'the hold to make overdue')
      const account = present(accounts.get(hold.debitAccountId), 'the account of the hold')
      const expiresAt = clock.now()
      holds.set(holdId, { ...hold, expiresAt, createdAt: new Date(expiresAt.getTime() - 1000) })
      const first = Math.min(account.holdExpiresAtMilliseconds, expiresAt.getTime())
      accounts.set(account.id, { ...account, holdExpiresAtMilliseconds: first })
    },
    arrange(accountId, settings) {
      const before = present(accounts.get(accountId), 'the account to arrange')
      accounts.set(accountId, { ...before, ...settings })
    },
  }
}

/** By code and currency: what is there for one dry run alone. */
type VirtualAccounts = Map<string, LockedAccount>

function asTransferOutcome(outcome: Outcome): TransferOutcome {
  assert(outcome.kind !== 'held', 'what moves money is answered with a transfer')
  return outcome
}

/** The transfer without its words, which a replay must bring itself. */
function factsOf(transfer: PostedTransfer): PostedFacts {
  const facts = { ...transfer, description: null, reference: null, metadata: null }
  return facts
}
