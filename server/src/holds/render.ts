/**
 * From a hold to its JSON. The answers to requests that place or release one show what was fixed by
 * them, so that a replay has the same bytes; how it stands now is for GET.
 */
import type { Static } from 'typebox'
import { encodeId } from '../kernel/ids.ts'
import type { Hold } from '../ledger/ledger.ts'
import type { HoldSchema } from './schema.ts'

export function renderHold(hold: Hold): Static<typeof HoldSchema> {
  return {
    id: encodeId('hold', hold.id),
    from_account_id: encodeId('acct', hold.debitAccountId),
    to_account_id: encodeId('acct', hold.creditAccountId),
    amount: hold.amount,
    captured: hold.captured,
    currency: hold.currency,
    state: hold.state,
    expires_at: hold.expiresAt.toISOString(),
    created_at: hold.createdAt.toISOString(),
  }
}
