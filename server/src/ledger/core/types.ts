/**
 * What goes into a decision and what comes out of it: the contract between the pure core and the
 * engines around it.
 *
 * An engine locks the accounts of a batch, then reads the keys and the time, calls `decide` once,
 * and writes exactly what the decision lists. All times are milliseconds since the Unix epoch.
 */
import type { DayStart } from '../../kernel/day-start.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { Minor } from '../../kernel/money.ts'
import type {
  AccountState,
  Hold,
  Instruction,
  OpenAccountInstruction,
  OpenAccountOutcome,
  OpenedAccount,
  Outcome,
  PostedTransfer,
  Words,
} from '../engine.ts'
import type { StaffEvent } from './staff-event.ts'
import type { StoredRefusal } from './stored-refusal.ts'

/** What the bank has configured; the rules themselves are code. */
export interface LedgerRules {
  /** The most that one transfer may move. */
  transferAmountMax: Minor
  /** When the day of the bank began that a moment is in: a pure function of its time zone. */
  dayStart: DayStart
}

/** An account under its row lock. */
export interface LockedAccount extends AccountState {
  /** The time of its last entry; `-Infinity` when it has none. */
  bookedAtMilliseconds: number
  /**
   * No active hold on it expires before this; `Infinity` when it has none. It may be too early, after
   * a hold was resolved, and then costs a look for nothing.
   */
  holdExpiresAtMilliseconds: number
  /** What counts towards its daily limit; `null` when it has none, and then nothing is counted. */
  spending: Spending | null
}

/** What has left an account on a day: see limits.ts for what counts. */
export interface Spending {
  /** The start of a day of the bank: the last on which something was counted. */
  sinceMilliseconds: number
  spent: bigint
}

/** A transfer that a reversal names, with what its reversals have moved back so far. */
export interface Original {
  transfer: Pick<
    PostedTransfer,
    'id' | 'kind' | 'debitAccountId' | 'creditAccountId' | 'amount' | 'currency'
  >
  reversed: Minor
}

/** The identity of an idempotency key and what it stands for. */
export interface KeyedContent {
  /** The first 16 bytes of SHA-256 over principal, key and index: `KeyMaker.keyId`. */
  keyId: Uuid
  /** One truncated HMAC per field in the order of `fieldOrder`, as lower-case hex. */
  fields: string
}

export interface PreparedInstruction extends KeyedContent {
  /** The id of the transfer or of the hold, should it come to be. */
  newId: Uuid
  /**
   * The accounts that money leaves and goes to, whether they exist or not: those that the parties
   * name, that a hold was placed with, or those of the original with sides swapped. `undefined` when
   * a bank account's code has no account in the currency of the instruction, or when there is no such
   * hold or original; that is then refused as not found. A release has no credit account.
   */
  debitAccountId: Uuid | undefined
  creditAccountId: Uuid | undefined
  instruction: Instruction
  /** One object for all of a group, which stand beside each other in their order. */
  group?: PreparedGroup
  /** Decide it in its place and leave nothing of it behind; the same for all of a group. */
  isDryRun?: boolean
  /**
   * Of a dry run: bank accounts that it would open, empty. They are there for this decision alone,
   * neither locked nor written; the same one for all of a group that name it.
   */
  virtualAccounts?: readonly LockedAccount[]
}

export interface PreparedGroup {
  /** The id of the group, should it be posted. */
  id: Uuid
  size: number
}

/** What is kept of a posted transfer: all of it but the words. */
export type PostedFacts = Omit<PostedTransfer, keyof Words>

/** A key that has its outcome. Its identity is kept whole, to be compared: a hash is not proof. */
export interface StoredKey extends KeyedContent {
  principalId: Uuid
  key: string
  index: number
  /** `fieldsFormat` as it was when the key was stored. */
  format: number
  /** The first request that brought the instruction. */
  requestId: string
  outcome:
    | { kind: 'posted'; transfer: PostedFacts }
    /** The hold in any state: what was answered is in what never changes and in what was asked. */
    | { kind: 'held'; hold: Hold }
    | { kind: 'opened'; accountId: Uuid; createdAtMilliseconds: number }
    | { kind: 'refused'; refusal: StoredRefusal }
}

/** A row of `idempotency_key` to insert: exactly one of transfer, hold, account and refusal is there. */
export interface NewKey extends KeyedContent {
  principalId: Uuid
  key: string
  index: number
  format: number
  requestId: string
  transferId: Uuid | null
  holdId: Uuid | null
  accountId: Uuid | null
  /** To be stored as `encodeRefusal` gives it and read through `decodeRefusal`. */
  refusal: StoredRefusal | null
  createdAtMilliseconds: number
}

export interface DecisionInput {
  /** The accounts that the instructions name and that exist, all locked. Not changed. */
  accounts: ReadonlyMap<Uuid, LockedAccount>
  /** Those keys of the instructions that are stored already, by key id; read after the locks. */
  keys: ReadonlyMap<Uuid, StoredKey>
  /** Those of the holds that instructions name and that exist; read after the locks. */
  holds: ReadonlyMap<Uuid, Hold>
  /** Those of the transfers that reversals name and that exist; read after the locks. */
  originals: ReadonlyMap<Uuid, Original>
  /** What is overdue, by those locked accounts whose `holdExpiresAtMilliseconds` has come. */
  overdue: ReadonlyMap<Uuid, Overdue>
  /** In order of arrival. */
  instructions: readonly PreparedInstruction[]
  /** `bank_now()`, read after the locks. */
  nowMilliseconds: number
  rules: LedgerRules
}

/** Active holds of one account whose time has come. */
export interface Overdue {
  /** Not always all of them: as many as one batch takes. */
  holds: readonly Hold[]
  /** When the first active hold beside these expires, `Infinity` when there is none. */
  nextExpiryMilliseconds: number
}

/** A hold that a decision has placed, resolved, or both, in its final state. */
export interface HoldChange {
  hold: Hold
  /** To insert; otherwise it was active before and is to be updated. */
  isNew: boolean
  resolvedAtMilliseconds: number | null
  /** The capture that resolved it. */
  transferId: Uuid | null
}

export interface Decision {
  /** One per instruction, in the same order. */
  outcomes: readonly Outcome[]
  /** To insert, in order of arrival; `batch_index` is the place in this list. */
  transfers: readonly PostedTransfer[]
  /** Every account that changed, once, in its final state. */
  accounts: readonly LockedAccount[]
  /** Every hold that changed, once. */
  holds: readonly HoldChange[]
  /** `holdExpiresAtMilliseconds` of some account has moved, though perhaps no hold has changed. */
  isExpiryMoved: boolean
  /** To insert. */
  keys: readonly NewKey[]
  /** To insert into the audit trail: none for what the owners of money ask. */
  staffEvents: readonly StaffEvent[]
}

export interface OpeningInput {
  /** The id of the account, should it be opened. */
  accountId: Uuid
  instruction: OpenAccountInstruction
  /** The key of the instruction, `undefined` when it came without. */
  keyed: KeyedContent | undefined
  /** The stored key of that id, if there is one. */
  storedKey: StoredKey | undefined
  /** How many accounts the owner has that are not closed, counted under the owner's lock. */
  accountCount: number
  nowMilliseconds: number
}

export interface OpeningDecision {
  outcome: OpenAccountOutcome
  /** To insert: the account itself, empty and open. */
  account: OpenedAccount | undefined
  key: NewKey | undefined
}
