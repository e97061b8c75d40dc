/**
 * What the tests of wrong input share: a bank as it is deployed with people in it, and what tells
 * that a request was refused as it must be.
 */
import { afterAll, beforeAll, expect } from 'vitest'
import { createAccessWorld, type AccessWorld, type Person } from '../access/world.ts'

export interface Sent {
  status: number
  code: unknown
  text: string
}

interface Request {
  who?: Person | undefined
  method?: string
  headers?: Record<string, string>
  body?: string | Uint8Array<ArrayBuffer>
}

/** Registers the hooks of a test file: one bank for all of it, whose books are right at the end. */
export function useInputWorld() {
  let world: AccessWorld
  let alice: Person
  let bob: Person
  let admin: Person

  beforeAll(async () => {
    world = await createAccessWorld()
    alice = await world.person()
    bob = await world.person()
    admin = await world.person('admin', 'teller', 'auditor')
  })

  afterAll(async () => {
    expect(await world.audit()).toEqual([])
    await world.close()
  })

  async function send(path: string, { who = alice, method, headers, body }: Request = {}) {
    const response = await fetch(world.url + path, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        authorization: `Bearer ${who.token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body }),
    })
    const text = await response.text()
    const isProblem = response.headers.get('content-type') === 'application/problem+json'
    const document: unknown = isProblem ? JSON.parse(text) : undefined
    const code =
      typeof document === 'object' && document !== null && 'code' in document && document.code
    return { status: response.status, code, text } satisfies Sent
  }

  /** Everything that a request could have changed. */
  async function state(): Promise<unknown> {
    const [row] = await world.query(`select
      (select count(*) from transfer) as transfers, (select count(*) from app_user) as users,
      (select count(*) from account) as accounts, (select count(*) from idempotency_key) as keys,
      (select sum(ledger_balance) from account) as money, (select count(*) from session) as sessions`)
    return row
  }

  const good = () => ({
    from_account_id: alice.account,
    to_account_id: bob.account,
    amount: 1,
    currency: 'EUR',
  })

  /** The answer to what must be refused, with a problem document and without an effect. */
  async function refused(act: () => Promise<Sent>): Promise<Sent> {
    const before = await state()
    const sent = await act()
    expect(sent).toMatchObject({ code: expect.any(String) })
    expect(await state()).toEqual(before)
    return sent
  }

  async function refusal(act: () => Promise<Sent>): Promise<number> {
    return (await refused(act)).status
  }

  return {
    /** From `beforeAll` on. */
    people: () => ({ world, alice, bob, admin }),
    send,
    good,
    refused,
    refusal,
  }
}
