/** What stores would read of a bank on the memory ledger, for tests of routes. */
import type { Clock } from '../../server/src/kernel/clock.ts'
import type { Uuid } from '../../server/src/kernel/ids.ts'
import type { HoldStore, OwnedHold } from '../../server/src/holds/store.ts'
import type { Hold, PostedTransfer } from '../../server/src/ledger/ledger.ts'
import type { MemoryLedger } from '../../server/src/ledger/memory/memory-ledger.ts'
import type { OwnedTransfer, TransferStore } from '../../server/src/transfers/store.ts'

type Ledger = () => MemoryLedger

/** All transfers of the ledger that is the present one at each call. */
export function transferStoreOver(ledger: Ledger): TransferStore {
  const owned = (transfer: PostedTransfer): OwnedTransfer => ({
    ...transfer,
    debitOwnerId: ownerOf(ledger, transfer.debitAccountId),
    creditOwnerId: ownerOf(ledger, transfer.creditAccountId),
  })
  const newest = () => ledger().transfers().toReversed().map(owned)
  const reversalsOf = (original: Uuid) =>
    newest().filter(({ reversesId }) => reversesId === original)
  return {
    find: async (id) => newest().find((transfer) => transfer.id === id),
    listByAccount: async ({ accountId, seqBefore = Infinity, limit }) =>
      newest()
        .filter((transfer) => touches(transfer, accountId))
        .filter(({ debitAccountId, debitSeq, creditSeq }) =>
          debitAccountId === accountId ? debitSeq < seqBefore : creditSeq < seqBefore,
        )
        .slice(0, limit),
    listByReference: async ({ reference, accountId, before, limit }) =>
      newest()
        .filter((transfer) => transfer.reference === reference)
        .filter((transfer) => accountId === undefined || touches(transfer, accountId))
        .filter(isBefore(before))
        .slice(0, limit),
    listReversals: async ({ id, before, limit }) =>
      reversalsOf(id).filter(isBefore(before)).slice(0, limit),
    reversedAmount: async (id) => reversalsOf(id).reduce((sum, { amount }) => sum + amount, 0),
    listAll: async ({ before, limit }) => newest().filter(isBefore(before)).slice(0, limit),
  }
}

/** All holds of the ledger that is the present one at each call, as they stand by the clock. */
export function holdStoreOver(ledger: Ledger, clock: Clock): HoldStore {
  const owned = (hold: Hold): OwnedHold => ({
    ...hold,
    state: hold.state === 'active' && hold.expiresAt <= clock.now() ? 'expired' : hold.state,
    ownerId: ownerOf(ledger, hold.debitAccountId) ?? '',
  })
  const newest = () => ledger().holds().toReversed().map(owned)
  return {
    find: async (id) => newest().find((hold) => hold.id === id),
    list: async ({ accountId, state, before, limit }) =>
      newest()
        .filter(({ debitAccountId }) => accountId === undefined || debitAccountId === accountId)
        .filter((hold) => state === undefined || hold.state === state)
        .filter(isBefore(before))
        .slice(0, limit),
  }
}

function ownerOf(ledger: Ledger, accountId: Uuid): Uuid | null {
  return (
    ledger()
      .accounts()
      .find(({ id }) => id === accountId)?.ownerId ?? null
  )
}

function touches({ debitAccountId, creditAccountId }: OwnedTransfer, id: Uuid): boolean {
  return debitAccountId === id || creditAccountId === id
}

function isBefore(before: Uuid | undefined): (thing: { id: Uuid }) => boolean {
  return ({ id }) => before === undefined || id < before
}
