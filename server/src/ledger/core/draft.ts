/**
 * What a decision has come to so far: changes laid over what was read, which stays as it was.
 *
 * A fork sees all that its parent has come to, and what it changes itself stays its own until the
 * parent takes it over: who drops a fork has undone what was decided in it, and nothing else.
 */
import type { Uuid } from '../../kernel/ids.ts'
import type { Hold, PostedTransfer } from '../engine.ts'
import type { StaffEvent } from './staff-event.ts'
import type {
  Decision,
  DecisionInput,
  HoldChange,
  LockedAccount,
  NewKey,
  Original,
  StoredKey,
} from './types.ts'

/** What rules may know: everything as it is by now. */
export interface View {
  account(id: Uuid | undefined): LockedAccount | undefined
  hold(id: Uuid): Hold | undefined
  original(id: Uuid): Original | undefined
  key(id: Uuid): StoredKey | undefined
}

export interface Draft extends View {
  changeAccount(account: LockedAccount): void
  changeHold(change: HoldChange): void
  changeOriginal(original: Original): void
  addTransfer(transfer: PostedTransfer): void
  /** A key with its outcome, once to be written and once to be found by the instructions after it. */
  addKey(key: NewKey, stored: StoredKey): void
  addStaffEvent(event: StaffEvent): void
  fork(): Draft
  /** Takes over what a fork of this draft has come to; the fork is done with. */
  merge(fork: Draft): void
  /** What it has changed itself. */
  readonly changes: Changes
}

export interface Changes {
  accounts: Map<Uuid, LockedAccount>
  holds: Map<Uuid, HoldChange>
  originals: Map<Uuid, Original>
  stored: Map<Uuid, StoredKey>
  transfers: PostedTransfer[]
  keys: NewKey[]
  staffEvents: StaffEvent[]
}

/** A draft over what was read. */
export function createDraft({ accounts, holds, originals, keys }: DecisionInput): Draft {
  return draftOver({
    account: (id) => (id === undefined ? undefined : accounts.get(id)),
    hold: (id) => holds.get(id),
    original: (id) => originals.get(id),
    key: (id) => keys.get(id),
  })
}

function draftOver(below: View): Draft {
  const changes: Changes = {
    accounts: new Map(),
    holds: new Map(),
    originals: new Map(),
    stored: new Map(),
    transfers: [],
    keys: [],
    staffEvents: [],
  }
  const { accounts, holds, originals, stored, transfers, keys, staffEvents } = changes

  const draft: Draft = {
    changes,
    account: (id) => (id === undefined ? undefined : (accounts.get(id) ?? below.account(id))),
    hold: (id) => holds.get(id)?.hold ?? below.hold(id),
    original: (id) => originals.get(id) ?? below.original(id),
    key: (id) => stored.get(id) ?? below.key(id),
    changeAccount: (account) => void accounts.set(account.id, account),
    changeHold(change) {
      // What was placed in this very batch is inserted in its final state.
      const isNew = change.isNew || holds.get(change.hold.id)?.isNew === true
      holds.set(change.hold.id, { ...change, isNew })
    },
    changeOriginal: (original) => void originals.set(original.transfer.id, original),
    addTransfer: (transfer) => void transfers.push(transfer),
    addKey(key, outcome) {
      keys.push(key)
      stored.set(key.keyId, outcome)
    },
    addStaffEvent: (event) => void staffEvents.push(event),
    fork: () => draftOver(draft),
    merge({ changes: own }) {
      for (const [id, account] of own.accounts) accounts.set(id, account)
      for (const change of own.holds.values()) draft.changeHold(change)
      for (const [id, original] of own.originals) originals.set(id, original)
      for (const [id, outcome] of own.stored) stored.set(id, outcome)
      transfers.push(...own.transfers)
      keys.push(...own.keys)
      staffEvents.push(...own.staffEvents)
    },
  }
  return draft
}

/** What is to be written. */
export function changesOf({ changes }: Draft): Omit<Decision, 'outcomes' | 'isExpiryMoved'> {
  const { transfers, accounts, holds, keys, staffEvents } = changes
  return {
    transfers,
    accounts: [...accounts.values()],
    holds: [...holds.values()],
    keys,
    staffEvents,
  }
}
