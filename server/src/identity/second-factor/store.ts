/**
 * Second factors as they are stored. Each write is one tx with its rows of the audit trail, and a code
 * is spent in the tx of what it allows: of two that show the same one, one finds it spent.
 */
import { sql, type Kysely } from 'kysely'
import {
  recordAuditEvent,
  recordAuditEvents,
  type AuditEventKind,
} from '../../audit-events/audit-events.ts'
import type { Database } from '../../database/database.ts'
import type { DB } from '../../database/schema.generated.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { QueueMail } from '../mails/mail-request.ts'

export interface StoredFactor {
  /** Sealed. */
  secret: Buffer
  isConfirmed: boolean
}

/** What a right code comes to. */
export type Proof = { kind: 'step'; step: number } | { kind: 'recovery_code'; hash: Buffer }

export interface FactorChange {
  userId: Uuid
  proof: Proof
  requestId: string | null
}

export interface SecondFactorStore {
  find(userId: Uuid): Promise<StoredFactor | undefined>
  countRecoveryCodes(userId: Uuid): Promise<number>
  /** Puts a secret in place of one that is not confirmed. False when there is one that is. */
  begin(userId: Uuid, secret: Buffer): Promise<boolean>
  /** False when that secret is not the one that waits. */
  confirm(request: {
    userId: Uuid
    secret: Buffer
    step: number
    recoveryHashes: readonly Buffer[]
    requestId: string | null
  }): Promise<boolean>
  /** False when the proof is spent, here and below; then nothing else is done. */
  spend(change: FactorChange): Promise<boolean>
  replaceRecoveryCodes(change: FactorChange & { hashes: readonly Buffer[] }): Promise<boolean>
  remove(change: FactorChange): Promise<boolean>
  /** By the operator, who needs no code. False when there is none. */
  removeByOperator(userId: Uuid): Promise<boolean>
}

export interface SecondFactorStoreDependencies {
  kysely: Database['kysely']
  transaction: Database['transaction']
  queueMail: QueueMail
}

export function createSecondFactorStore({
  kysely,
  transaction,
  queueMail,
}: SecondFactorStoreDependencies): SecondFactorStore {
  return {
    async find(userId) {
      const row = await kysely
        .selectFrom('second_factor')
        .select(['secret', 'confirmed_at'])
        .where('user_id', '=', userId)
        .executeTakeFirst()
      return row && { secret: row.secret, isConfirmed: row.confirmed_at !== null }
    },

    async countRecoveryCodes(userId) {
      const { count } = await kysely
        .selectFrom('recovery_code')
        .select(({ fn }) => fn.countAll<string>().as('count'))
        .where('user_id', '=', userId)
        .executeTakeFirstOrThrow()
      return Number(count)
    },

    async begin(userId, secret) {
      return await transaction(async (tx) => {
        const result = await tx
          .insertInto('second_factor')
          .values({ user_id: userId, secret })
          .onConflict((conflict) =>
            conflict
              .column('user_id')
              .doUpdateSet({ secret, created_at: sql`bank_now()` })
              .where('second_factor.confirmed_at', 'is', null),
          )
          .executeTakeFirst()
        return result.numInsertedOrUpdatedRows === 1n
      })
    },

    async confirm({ userId, secret, step, recoveryHashes, requestId }) {
      return await transaction(async (tx) => {
        const confirmed = await tx
          .updateTable('second_factor')
          .set({ confirmed_at: sql`bank_now()`, last_step: step })
          .where('user_id', '=', userId)
          .where('secret', '=', secret)
          .where('confirmed_at', 'is', null)
          .returning('user_id')
          .executeTakeFirst()
        if (confirmed === undefined) return false
        await insertRecoveryCodes(tx, userId, recoveryHashes)
        await record(tx, userId, requestId, 'second_factor.added', 'recovery_codes.created')
        await queueMail(tx, { kind: 'notice', notice: 'second_factor_added', userId })
        return true
      })
    },

    spend: (change) => transaction((tx) => spend(tx, change)),

    async replaceRecoveryCodes({ hashes, ...change }) {
      return await transaction(async (tx) => {
        if (!(await spend(tx, change))) return false
        const { userId, requestId } = change
        await tx.deleteFrom('recovery_code').where('user_id', '=', userId).execute()
        await insertRecoveryCodes(tx, userId, hashes)
        await record(tx, userId, requestId, 'recovery_codes.created')
        return true
      })
    },

    async remove(change) {
      return await transaction(async (tx) => {
        if (!(await spend(tx, change))) return false
        const { userId, requestId } = change
        await deleteFactor(tx, userId)
        await record(tx, userId, requestId, 'second_factor.removed')
        await queueMail(tx, { kind: 'notice', notice: 'second_factor_removed', userId })
        return true
      })
    },

    async removeByOperator(userId) {
      return await transaction(async (tx) => {
        if (!(await deleteFactor(tx, userId))) return false
        await recordAuditEvent(tx, {
          kind: 'second_factor.removed',
          actorId: null,
          origin: 'command',
          subject: { prefix: 'user', id: userId },
          requestId: null,
        })
        await queueMail(tx, { kind: 'notice', notice: 'second_factor_removed', userId })
        return true
      })
    },
  }
}

async function spend(tx: Kysely<DB>, { userId, proof, requestId }: FactorChange): Promise<boolean> {
  if (proof.kind === 'recovery_code') {
    const used = await tx
      .deleteFrom('recovery_code')
      .where('hash', '=', proof.hash)
      .where('user_id', '=', userId)
      .returning('user_id')
      .executeTakeFirst()
    if (used) await record(tx, userId, requestId, 'recovery_code.used')
    return used !== undefined
  }
  // A step before the last one that was accepted is refused too: its code was seen or was skipped.
  const accepted = await tx
    .updateTable('second_factor')
    .set({ last_step: proof.step })
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is not', null)
    .where('last_step', '<', String(proof.step))
    .returning('user_id')
    .executeTakeFirst()
  return accepted !== undefined
}

/** With all that belongs to it. False when there was none. */
async function deleteFactor(tx: Kysely<DB>, userId: Uuid): Promise<boolean> {
  const deleted = await tx
    .deleteFrom('second_factor')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  await tx.deleteFrom('recovery_code').where('user_id', '=', userId).execute()
  await tx.deleteFrom('second_factor_challenge').where('user_id', '=', userId).execute()
  return deleted.numDeletedRows === 1n
}

async function insertRecoveryCodes(
  tx: Kysely<DB>,
  userId: Uuid,
  hashes: readonly Buffer[],
): Promise<void> {
  const rows = hashes.map((hash) => ({ hash, user_id: userId }))
  await tx.insertInto('recovery_code').values(rows).execute()
}

async function record(
  tx: Kysely<DB>,
  userId: Uuid,
  requestId: string | null,
  ...kinds: AuditEventKind[]
): Promise<void> {
  const subject = { prefix: 'user', id: userId } as const
  const events = kinds.map((kind) => ({ kind, actorId: userId, subject, requestId }))
  await recordAuditEvents(tx, events)
}
