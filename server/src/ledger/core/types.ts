/**
 * What goes into a decision and what comes out of it: the contract between the pure core and the
 * engines around it.
 *
 * An engine locks the accounts of a batch, then reads the keys and the time, calls `decide` once,
 * and writes exactly what the decision lists. All times are milliseconds since the Unix epoch.
 */
import type { Uuid } from '../../kernel/ids.ts'
import type { Minor } from '../../kernel/money.ts'
import type {
  AccountState,
  OpenAccountInstruction,
  OpenAccountOutcome,
  OpenedAccount,
  PostedTransfer,
  TransferInstruction,
  TransferOutcome,
} from '../engine.ts'
import type { StaffEvent } from './staff-event.ts'
import type { StoredRefusal } from './stored-refusal.ts'

/** What the bank has configured; the rules themselves are code. */
export interface LedgerRules {
  /** The most that one transfer may move. */
  transferAmountMax: Minor
}

/** An account under its row lock. */
export interface LockedAccount extends AccountState {
  /** The time of its last entry; `-Infinity` when it has none. */
  bookedAtMilliseconds: number
}

/** The identity of an idempotency key and what it stands for. */
export interface KeyedContent {
  /** The first 16 bytes of SHA-256 over principal, key and index: `KeyMaker.keyId`. */
  keyId: Uuid
  /** One truncated HMAC per field in the order of `fieldOrder`, as lower-case hex. */
  fields: string
}

export interface PreparedInstruction extends KeyedContent {
  /** The id of the transfer, should it be posted. */
  transferId: Uuid
  /**
   * The accounts that the parties name, whether they exist or not; `undefined` when a bank account's
   * code has no account in the currency of the instruction, which is then refused as not found.
   */
  debitAccountId: Uuid | undefined
  creditAccountId: Uuid | undefined
  instruction: TransferInstruction
}

/** What is kept of a posted transfer: all of it but the words. */
export type PostedFacts = Omit<PostedTransfer, 'description' | 'reference' | 'metadata'>

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
    | { kind: 'opened'; accountId: Uuid; createdAtMilliseconds: number }
    | { kind: 'refused'; refusal: StoredRefusal }
}

/** A row of `idempotency_key` to insert: exactly one of the last three facts is there. */
export interface NewKey extends KeyedContent {
  principalId: Uuid
  key: string
  index: number
  format: number
  requestId: string
  transferId: Uuid | null
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
  /** In order of arrival. */
  instructions: readonly PreparedInstruction[]
  /** `bank_now()`, read after the locks. */
  nowMilliseconds: number
  rules: LedgerRules
}

export interface Decision {
  /** One per instruction, in the same order. */
  outcomes: readonly TransferOutcome[]
  /** To insert, in order of arrival; `batch_index` is the place in this list. */
  transfers: readonly PostedTransfer[]
  /** Every account that changed, once, in its final state. */
  accounts: readonly LockedAccount[]
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
