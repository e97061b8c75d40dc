/**
 * One suite that every ledger engine passes. A test file of the engine calls `ledgerConformance`
 * with a way to make a harness; one engine serves all cases but those that stop it, and the books
 * are audited at the end.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Fault } from '../kernel/fault.ts'
import { present } from '../kernel/assert.ts'
import { accountCases } from './conformance/accounts.ts'
import { changeCases, staffEventCases } from './conformance/changes.ts'
import { balanceCases } from './conformance/balances.ts'
import { closingCases } from './conformance/closing.ts'
import { holdCases } from './conformance/holds.ts'
import { dryRunCases } from './conformance/dry-runs.ts'
import { groupCases } from './conformance/groups.ts'
import { holdKeyCases } from './conformance/hold-keys.ts'
import { idempotencyCases } from './conformance/idempotency.ts'
import { limitCases } from './conformance/limits.ts'
import { namedRefusalCases } from './conformance/named-refusals.ts'
import { refusalCases } from './conformance/refusals.ts'
import { reversalCases } from './conformance/reversals.ts'
import { sideCases } from './conformance/sides.ts'
import { createWorld, type LedgerHarness, type World } from './conformance/world.ts'

export {
  conformanceAmountMax,
  conformanceTimeZone,
  type LedgerHarness,
} from './conformance/world.ts'

export function ledgerConformance(name: string, createHarness: () => Promise<LedgerHarness>): void {
  describe(`ledger engine ${name}`, () => {
    let world: World | undefined
    const use = (): World => present(world, 'the world of the suite')

    beforeAll(async () => {
      world = createWorld(await createHarness())
    })
    afterAll(async () => {
      const { harness } = use()
      await harness.audit()
      await harness.close()
    })

    describe('refusals', () => {
      refusalCases(use)
    })
    describe('sides', () => {
      sideCases(use)
    })
    describe('idempotency', () => {
      idempotencyCases(use)
    })
    describe('groups', () => {
      groupCases(use)
    })
    describe('dry runs', () => {
      dryRunCases(use)
    })
    describe('holds', () => {
      holdCases(use)
    })
    describe('holds and their keys', () => {
      holdKeyCases(use)
    })
    describe('reversals', () => {
      reversalCases(use)
    })
    describe('refusals of what names a hold or a transfer', () => {
      namedRefusalCases(use)
    })
    describe('balances', () => {
      balanceCases(use)
    })
    describe('accounts', () => {
      accountCases(use)
    })
    describe('changes', () => {
      changeCases(use)
    })
    describe('closing', () => {
      closingCases(use)
    })
    describe('limits', () => {
      limitCases(use)
    })
    describe('audit trail', () => {
      staffEventCases(use)
    })
    describe('defects', () => {
      defectCases(use)
    })
    describe('stop', () => {
      stopCases(createHarness)
    })
  })
}

function defectCases(use: () => World): void {
  it('posts 99 good instructions around each one that cannot be posted', async () => {
    const world = use()
    expect(world.harness.defects.length).toBeGreaterThan(0)
    for (const { name, change } of world.harness.defects) {
      const [from, to] = [await world.customer(99), await world.customer()]
      const answers = await Promise.allSettled(
        Array.from({ length: 100 }, (_, index) =>
          world.ledger.post(world.transfer(from, to, 1, index === 50 ? change : {})),
        ),
      )
      const reasons = answers.map((answer) => answer.status === 'rejected' && answer.reason)
      const rejectedAt = reasons.flatMap((reason, index) => (reason === false ? [] : [index]))
      // A fault would invite the client to try again.
      const isFault = reasons[50] instanceof Fault
      const moved = await world.balanceOf(to)
      const left = await world.balanceOf(from)
      expect({ name, rejectedAt, isFault, moved, left }).toEqual({
        name,
        rejectedAt: [50],
        isFault: false,
        moved: 99n,
        left: 0n,
      })
    }
  })
}

function stopCases(createHarness: () => Promise<LedgerHarness>): void {
  it('answers what it has accepted and then accepts nothing more', async () => {
    const harness = await createHarness()
    const world = createWorld(harness)
    const [from, to] = [await world.customer(500), await world.customer()]
    const accepted = Promise.all(
      Array.from({ length: 50 }, () => world.ledger.post(world.transfer(from, to, 10))),
    )
    const stopped = world.ledger.stop()
    const late = world.ledger.post(world.transfer(from, to, 10))
    await expect(late).rejects.toMatchObject({ name: 'Fault', code: 'shutting_down' })
    expect((await accepted).every(({ kind }) => kind === 'posted')).toBe(true)
    await stopped
    expect(await harness.transfers()).toHaveLength(51)
    const shuttingDown = { name: 'Fault', code: 'shutting_down' }
    await expect(world.customer()).rejects.toMatchObject(shuttingDown)
    await expect(world.ledger.openBankAccount('cash', 'EUR')).rejects.toMatchObject(shuttingDown)
    const { accountId } = from
    const staff = { principalId: world.teller, authority: 'staff', accountId } as const
    const freeze = { ...staff, change: { kind: 'freeze' }, requestId: 'request-late' } as const
    const lateChange = world.ledger.changeAccount(freeze)
    await expect(lateChange).rejects.toMatchObject(shuttingDown)
    // A second stop is a stop.
    await world.ledger.stop()
    await harness.audit()
    await harness.close()
  })
}
