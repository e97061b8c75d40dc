/** A transfer that is under way in one server for as long as wanted: its account is locked meanwhile. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import type { SeededAccount } from '../../../bench/seed.ts'
import { decodeId } from '../../../server/src/kernel/ids.ts'
import { createApi } from '../../../tools/api.ts'

export interface HeldTransfer {
  /** Lets it go on; resolves with its id, or rejects with what was answered in place of it. */
  release(): Promise<string>
}

/** `from` must be used by nobody else. Resolves when the server waits for it. */
export async function holdTransfer(
  baseUrl: string,
  ownerUrl: string,
  { from, to }: { from: SeededAccount; to: SeededAccount },
): Promise<HeldTransfer> {
  const client = new Client({ connectionString: ownerUrl })
  await client.connect()
  await client.query('begin')
  await client.query('select from account where id = $1 for update', [decodeId('acct', from.id)])
  const answer = createApi(baseUrl)
    .call('POST', '/v1/transfers', {
      token: from.token,
      idempotencyKey: randomUUID(),
      body: { from_account_id: from.id, to_account_id: to.id, amount: 1, currency: 'EUR' },
    })
    .then(({ id }) => String(id))
  answer.catch(() => undefined)
  const waiting = `select from pg_locks where pg_backend_pid() = any(pg_blocking_pids(pid))`
  while ((await client.query(waiting)).rowCount === 0) await delay(10)
  return {
    async release() {
      await client.query('rollback')
      await client.end()
      return answer
    },
  }
}
