/** What the database says happened, read past the server, to hold against what a client was told. */
import { encodeId } from '../../server/src/kernel/ids.ts'
import type { Answer, Order } from './load-client.ts'
import { queryOnce } from './query.ts'

/** Whether an answer agrees with the transfers that its order has in the database. */
export function isTrue(answer: Answer | undefined, ids: readonly string[]): boolean {
  if (answer === undefined || answer.kind === 'unknown') return ids.length <= 1
  if (answer.kind !== 'posted') return ids.length === 0
  const body: unknown = JSON.parse(answer.text)
  return ids.length === 1 && typeof body === 'object' && body !== null && 'id' in body
    ? body.id === ids[0]
    : false
}

/** The ids of all transfers of the database, by what was asked for. */
export async function readTransfers(databaseUrl: string): Promise<Map<string, string[]>> {
  const rows = await queryOnce<Record<'id' | 'key' | 'debit' | 'credit' | 'amount', string>>(
    databaseUrl,
    `select t.id, k.key, t.debit_account_id as debit, t.credit_account_id as credit, t.amount
     from transfer as t left join idempotency_key as k on k.transfer_id = t.id
     where t.kind = 'transfer'`,
  )
  const ids = new Map<string, string[]>()
  for (const { id, key, debit, credit, amount } of rows) {
    const text = `${key} ${encodeId('acct', debit)} ${encodeId('acct', credit)} ${amount}`
    ids.set(text, [...(ids.get(text) ?? []), encodeId('xfer', id)])
  }
  return ids
}

/** What was asked for, as one text. */
export function textOf({ idempotencyKey, from, to, amount }: Order): string {
  return `${idempotencyKey} ${from.id} ${to.id} ${amount}`
}
