/**
 * The interface of a ledger engine. Two implement it, `memory` (the model: oracle of the tests) and
 * `postgres` (group commit), and one conformance suite holds both to the same behaviour.
 *
 * An engine answers each instruction with exactly one outcome. It throws a `Fault` when there is
 * none to give: `overloaded`, `unavailable` and `shutting_down` mean that nothing was done,
 * `outcome_unknown` that the same key must be asked again; and a `Defect` when the instruction
 * itself trips an assertion, which posts nothing and harms no other instruction.
 */
import type { CurrencyCode } from '../kernel/currency.ts'
import type { Uuid } from '../kernel/ids.ts'
import type { Minor } from '../kernel/money.ts'
import type { Refusal, Side } from './core/refusals.ts'

/** What an instruction that names both accounts makes. */
export type MovementKind = 'transfer' | 'deposit' | 'withdrawal'

/** `capture`: of a hold. `reversal`: of an earlier transfer, with its sides swapped. */
export type TransferKind = MovementKind | 'capture' | 'reversal'

/** One side of an instruction: an account by id, or the bank's own by its code. */
export type Party = { accountId: Uuid } | { bankCode: string }

/**
 * On whose say-so money leaves the debit account. `owner`: the debit account must be the
 * principal's own. `staff`: any account but the principal's own, on either side.
 */
export type Authority = 'owner' | 'staff'

/** The client's name for one instruction, unique per principal. */
export interface IdempotencyKey {
  /** 1 to 255 visible ASCII characters. */
  key: string
  /** 0 for a single request, the item's index for the items of a bulk. */
  index: number
}

/** What all instructions have: who asks, on whose say-so, and under which key. */
interface Asked {
  principalId: Uuid
  authority: Authority
  idempotencyKey: IdempotencyKey
  /** The id of the first request that brought it, stored with its outcome. */
  requestId: string
}

/** What people may say about a transfer. */
export interface Words {
  description: string | null
  reference: string | null
  metadata: Readonly<Record<string, string>> | null
}

/** An instruction to move money once, checked against the schema but not yet decided. */
export interface TransferInstruction extends Asked, Words {
  kind: MovementKind
  debit: Party
  credit: Party
  amount: Minor
  currency: CurrencyCode
}

/** Reserves money of the principal's own account for another customer's. */
export interface HoldInstruction extends Asked {
  kind: 'hold'
  debit: Party
  credit: Party
  amount: Minor
  currency: CurrencyCode
  /** From the moment at which it is placed; whole, at least 1. */
  expiresInSeconds: number
}

/** Moves held money, once and at most what is held; what is left of the hold is given back. */
export interface CaptureInstruction extends Asked, Words {
  kind: 'capture'
  holdId: Uuid
  /** `null`: all of it. */
  amount: Minor | null
}

/** Gives back all that is held. */
export interface ReleaseInstruction extends Asked {
  kind: 'release'
  holdId: Uuid
}

/** Moves money of an earlier transfer back, never more than it moved in sum. */
export interface ReversalInstruction extends Asked, Words {
  kind: 'reversal'
  transferId: Uuid
  /** `null`: what is left of it. */
  amount: Minor | null
}

/** What moves money, and so is answered with a transfer. */
export type PostingInstruction = TransferInstruction | CaptureInstruction | ReversalInstruction

export type Instruction = PostingInstruction | HoldInstruction | ReleaseInstruction

/** `active` becomes one of the others, once. */
export type HoldState = 'active' | 'captured' | 'released' | 'expired'

/** Money reserved on the debit account for the credit account. */
export interface Hold {
  id: Uuid
  principalId: Uuid
  debitAccountId: Uuid
  creditAccountId: Uuid
  amount: Minor
  /** How much of it was moved; 0 in every state but `captured`. */
  captured: Minor
  currency: CurrencyCode
  state: HoldState
  /** From this moment on it can no longer be captured. */
  expiresAt: Date
  createdAt: Date
}

/** A transfer as it was posted: nothing in it ever changes. */
export interface PostedTransfer extends Words {
  id: Uuid
  kind: TransferKind
  principalId: Uuid
  debitAccountId: Uuid
  creditAccountId: Uuid
  amount: Minor
  currency: CurrencyCode
  debitSeq: number
  creditSeq: number
  /** In the normal side of the account, as are all balances. */
  debitBalanceAfter: bigint
  creditBalanceAfter: bigint
  /** The transfer that a reversal takes back. */
  reversesId: Uuid | null
  /** The hold that a capture has moved. */
  holdId: Uuid | null
  /** The group that it was posted in, all or none. */
  groupId: Uuid | null
  createdAt: Date
}

/**
 * `replayed`: the key had this outcome already and nothing was posted now. `requestId`: the request
 * that had the outcome first, so that a replayed refusal renders to the same bytes; for a reused key
 * it is the present request's.
 */
export type TransferOutcome =
  | {
      kind: 'posted'
      transfer: PostedTransfer
      replayed: boolean
      requestId: string
      preview?: Preview
    }
  | { kind: 'refused'; refusal: Refusal; replayed: boolean; requestId: string }

/** The answer to a hold, which is `active` in it, and to a release, which is `released` in it. */
export type HoldOutcome =
  | { kind: 'held'; hold: Hold; replayed: boolean; requestId: string; preview?: Preview }
  | { kind: 'refused'; refusal: Refusal; replayed: boolean; requestId: string }

/** The answer to any instruction. */
export type Outcome = TransferOutcome | HoldOutcome

/**
 * One outcome for each instruction of a group: all posted, or none. Of those refused one has its own
 * code and the others are `group_failed`, which names it.
 */
export interface GroupOutcome {
  outcomes: readonly TransferOutcome[]
}

/** What a dry run would leave behind, on the outcomes of dry runs that are not refused. */
export interface Preview {
  debit: AccountState
  /** `null` for a release, which concerns the debit account alone. */
  credit: AccountState | null
  limits: {
    /** The most that one transfer may move. */
    transfer: Minor
    /** What the debit account may still spend on the day, `null` where that has no limit. */
    dailyRemaining: Minor | null
  }
}

/** An account with its balances at one moment. */
export interface AccountState {
  id: Uuid
  /** `null` for an account of the bank itself. */
  ownerId: Uuid | null
  currency: CurrencyCode
  normalSide: Side
  status: 'open' | 'frozen' | 'closed'
  overdraftLimit: Minor
  /** The most that one transfer or hold may move; `null`: the bank's own limit alone. */
  transferLimit: Minor | null
  /** The most that may leave in a day of the bank by the owner's word; `null`: no such limit. */
  dailyLimit: Minor | null
  ledgerBalance: bigint
  held: Minor
  /** The seq of its last entry, 0 when it has none. */
  version: number
}

export interface OpenAccountInstruction {
  ownerId: Uuid
  currency: CurrencyCode
  name: string | null
  /** At most this many accounts of one owner, the closed ones not counted. */
  accountsMax: number
  requestId: string
  idempotencyKey: IdempotencyKey | null
}

/** An account as it was opened; members that change later are given as they were then. */
export interface OpenedAccount {
  id: Uuid
  ownerId: Uuid
  currency: CurrencyCode
  name: string | null
  createdAt: Date
}

export type OpenAccountOutcome =
  | { kind: 'opened'; account: OpenedAccount; replayed: boolean; requestId: string }
  | {
      kind: 'refused'
      refusal:
        | Extract<Refusal, { code: 'idempotency_key_reused' }>
        | { code: 'too_many_accounts'; limit: number }
      replayed: boolean
      requestId: string
    }

/** What is changed about a customer's account; money does not move. */
export type AccountChange =
  | { kind: 'freeze' }
  | { kind: 'unfreeze' }
  | { kind: 'set_overdraft_limit'; overdraftLimit: Minor }
  | { kind: 'set_limits'; transferLimit: Minor | null; dailyLimit: Minor | null }
  /** For good: a closed account neither pays nor receives. */
  | { kind: 'close' }

export interface ChangeAccountInstruction {
  principalId: Uuid
  /** `owner`: only to close an account of the principal's own. */
  authority: Authority
  accountId: Uuid
  change: AccountChange
  requestId: string
}

/** In order of precedence. */
export type ChangeAccountRefusal =
  /** There is none, or it is one of the bank's own. */
  | { code: 'account_not_found' }
  | { code: 'own_account' }
  | { code: 'account_closed' }
  /** Only staff close what they have frozen. */
  | { code: 'account_frozen' }
  /** Only an account with nothing on it is closed. */
  | { code: 'account_not_empty'; ledgerBalance: Minor }
  | { code: 'account_has_holds'; held: Minor }
  /** The limit would be less than what the account is overdrawn by, which `minimum` is. */
  | { code: 'overdraft_in_use'; minimum: Minor }
  /** The available balance would leave the range of exact integers. */
  | { code: 'balance_out_of_range' }

/** `isNew`: false when the account was like that already. */
export type ChangeAccountOutcome =
  | { kind: 'changed'; account: AccountState; isNew: boolean }
  | { kind: 'refused'; refusal: ChangeAccountRefusal }

/** Whoever of the staff says so, and the request that brought it: for the audit trail. */
export interface StaffAct {
  principalId: Uuid
  requestId: string
}

/** An account of the bank itself. */
export interface BankAccount {
  accountId: Uuid
  code: string
  currency: CurrencyCode
  normalSide: Side
  createdAt: Date
}

export interface PostOptions {
  /** When to give up waiting, in milliseconds since the epoch of `performance.now()`. */
  deadline?: number
  /**
   * Decide as ever, in its place among the others, and leave nothing behind: no transfer, no hold, no
   * key and no bank account. A key that has its outcome gives it. Of what is done the ids mean
   * nothing, nor do those of bank accounts that would be opened.
   */
  dryRun?: boolean
}

export interface LedgerEngine {
  /**
   * Decides and posts one instruction durably. A bank account that an instruction names by its code
   * is opened on first use (in a tx of its own; `cash` and `settlement:*` debit-normal, `fees`
   * credit-normal).
   */
  post(instruction: PostingInstruction, options?: PostOptions): Promise<TransferOutcome>
  /**
   * Posts all or none, durably: 1 to `groupSizeMax` instructions of one principal, under one key
   * with the indexes 0, 1, 2 and so on. Each is decided on what those before it leave behind.
   */
  postGroup(
    instructions: readonly TransferInstruction[],
    options?: PostOptions,
  ): Promise<GroupOutcome>
  /** Places or releases a hold durably. */
  hold(
    instruction: HoldInstruction | ReleaseInstruction,
    options?: PostOptions,
  ): Promise<HoldOutcome>
  /**
   * Expires what is overdue on these accounts, durably, through the same queue as all else. Nothing
   * waits for it: each batch expires what is overdue on the accounts that it locks, first of all.
   */
  expireHolds(accountIds: readonly Uuid[]): Promise<void>
  openAccount(instruction: OpenAccountInstruction): Promise<OpenAccountOutcome>
  /**
   * Opens a bank account, or returns the one that is there: `created` says which. `act` is given
   * where staff ask for it.
   */
  openBankAccount(
    code: string,
    currency: CurrencyCode,
    normalSide?: Side,
    act?: StaffAct,
  ): Promise<{ account: BankAccount; created: boolean }>
  /** Freezes, unfreezes or closes a customer's account, or sets its limits, durably. */
  changeAccount(instruction: ChangeAccountInstruction): Promise<ChangeAccountOutcome>
  /** The present state of an account, or `undefined`; reads committed data, takes no locks. */
  account(id: Uuid): Promise<AccountState | undefined>
  /** Accepts nothing more (`shutting_down`), finishes what is queued and resolves when all is answered. */
  stop(): Promise<void>
}
