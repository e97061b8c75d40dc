/** What placing, capturing and releasing a hold have in common. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { failingLedger, type RouteBank } from '../../../test/support/route-bank.ts'
import { asUser, type buildTestApp } from '../http/testing.ts'
import { Fault } from '../kernel/fault.ts'
import type { HoldStore } from './store.ts'
import { useHoldWorld } from './testing.ts'

const { world, build, send, order, release, placed } = useHoldWorld()
let app: Awaited<ReturnType<typeof buildTestApp>>
let bank: RouteBank

beforeEach(() => {
  ;({ app, bank } = world())
})

async function paths(): Promise<string[]> {
  const id = await placed()
  return ['/v1/holds', `/v1/holds/${id}/capture`, `/v1/holds/${id}/release`]
}

const payloadOf = (path: string) => (path === '/v1/holds' ? order() : undefined)

describe('all three', () => {
  test('NoAuthorization', async () => {
    for (const url of await paths()) {
      // oxlint-disable-next-line no-await-in-loop
      const response = await app.inject({ method: 'POST', url })
      expect(response.json()).toMatchObject({ status: 401, code: 'token_missing' })
    }
  })

  test('the idempotency key is required', async () => {
    for (const path of await paths()) {
      // oxlint-disable-next-line no-await-in-loop
      const response = await app.inject({
        method: 'POST',
        url: path,
        headers: asUser(bank.alice),
        ...(path === '/v1/holds' && { payload: order() }),
      })
      expect(response.json()).toMatchObject({ status: 400, code: 'idempotency_key_missing' })
    }
  })

  test('a fault of the engine is 503, all else 500', async () => {
    const down = await build(failingLedger(bank.ledger, new Fault('outcome_unknown', 'secret')))
    const broken = await build(failingLedger(bank.ledger, new Error('secret')))
    for (const path of await paths()) {
      // oxlint-disable-next-line no-await-in-loop
      const fault = await send(path, payloadOf(path), { target: down })
      expect(fault.json()).toMatchObject({ status: 503, code: 'outcome_unknown' })
      // oxlint-disable-next-line no-await-in-loop
      const defect = await send(path, payloadOf(path), { target: broken })
      expect(defect.json()).toMatchObject({ status: 500, code: 'internal_error' })
      expect(fault.body + defect.body).not.toContain('secret')
    }
  })

  test('a refusal stands when the store cannot say whose hold it is', async () => {
    const find = vi.fn<HoldStore['find']>().mockRejectedValue(new Error('secret'))
    const target = await build(bank.ledger, { find })
    const response = await release(await placed(), { user: bank.bob, target })
    expect(response.json()).toMatchObject({ status: 404, code: 'hold_not_found' })
    expect(find).toHaveBeenCalledOnce()
  })
})
