import { describe, expect, it } from 'vitest'
import { createUuidSource, type Uuid } from '../kernel/ids.ts'
import { createAuditTrailTelemetry } from '../telemetry/audit-trail.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import type { AuditEvent } from './event.ts'
import { createAuditWriter, type AuditWriterOptions, type CountedEvent } from './writer.ts'

const newId = createUuidSource()

function refusal(changes: Partial<AuditEvent> = {}): AuditEvent {
  const facts = { code: 'role_required' }
  return {
    kind: 'access.refused',
    actorId: null,
    subject: null,
    requestId: 'req',
    facts,
    ...changes,
  }
}

function openWriter(options: Partial<AuditWriterOptions> = {}) {
  const written: CountedEvent[] = []
  const batches: number[] = []
  const errors: unknown[] = []
  const state = { time: 0, isDown: false }
  const writer = createAuditWriter({
    async write(events) {
      if (state.isDown) throw new Error('the database is down')
      batches.push(events.length)
      written.push(...events)
    },
    onError: (error) => errors.push(error),
    now: () => state.time,
    windowMilliseconds: 60_000,
    perActorMax: 5,
    strangersMax: 3,
    groupsMax: 4,
    pendingMax: 20,
    ...options,
  })
  const recordMany = (count: number, event: () => AuditEvent) => {
    for (let index = 0; index < count; index += 1) writer.record(event())
  }
  const total = () => written.reduce((sum, { count }) => sum + count, 0)
  const countOf = (actorId: Uuid | null) =>
    written.filter((event) => event.actorId === actorId).map(({ count }) => count)
  return { writer, written, batches, errors, state, recordMany, total, countOf }
}

describe('the audit writer', () => {
  it('writes what has come in one go, and nothing when nothing has', async () => {
    const { writer, written, batches } = openWriter()
    await writer.flush()
    const event = refusal({ actorId: newId() })
    writer.record(event)
    writer.record(refusal())
    await writer.flush()
    await writer.flush()
    expect(batches).toEqual([2])
    expect(written[0]).toEqual({ ...event, count: 1 })
  })

  it('counts a flood of strangers in one row at the end of the window', async () => {
    const { writer, written, state, recordMany, countOf } = openWriter()
    recordMany(1_000, refusal)
    await writer.flush()
    expect(countOf(null)).toEqual([1, 1, 1])
    recordMany(500, refusal)
    state.time = 60_000
    await writer.flush()
    expect(countOf(null)).toEqual([1, 1, 1, 1_497])
    expect(written.at(-1)).toEqual({ ...refusal({ requestId: null }), count: 1_497 })
    // A new window, a new allowance.
    recordMany(2, refusal)
    await writer.flush()
    expect(countOf(null)).toEqual([1, 1, 1, 1_497, 1, 1])
  })

  it('lets no stranger crowd out a user, and no user another one', async () => {
    const { writer, recordMany, countOf } = openWriter()
    const [alice, bob] = [newId(), newId()]
    recordMany(1_000, refusal)
    recordMany(1_000, () => refusal({ actorId: alice }))
    recordMany(2, () => refusal({ actorId: bob }))
    await writer.flush()
    expect(countOf(alice)).toEqual([1, 1, 1, 1, 1])
    expect(countOf(bob)).toEqual([1, 1])
  })

  it('counts apart what differs in kind, code, actor or subject', async () => {
    const { writer, written, recordMany } = openWriter({ perActorMax: 0, strangersMax: 0 })
    const subject = { prefix: 'user', id: newId() } as const
    recordMany(2, refusal)
    recordMany(3, () => refusal({ facts: { code: 'own_account', route: '/v1/deposits' } }))
    recordMany(4, () => refusal({ kind: 'session.refused', subject }))
    await writer.stop()
    expect(written).toMatchObject([
      { kind: 'access.refused', facts: { code: 'role_required' }, count: 2 },
      { kind: 'access.refused', facts: { code: 'own_account' }, count: 3 },
      { kind: 'session.refused', subject, count: 4 },
    ])
  })

  it('stays bounded when every event is of another user, and counts them all', async () => {
    const { writer, written, recordMany, total } = openWriter()
    recordMany(10_000, () => refusal({ actorId: newId() }))
    await writer.stop()
    expect(total()).toBe(10_000)
    // 20 that may wait, 4 groups, and one group of all others.
    expect(written.length).toBeLessThanOrEqual(20 + 4 + 1)
  })

  it('keeps what the database did not take, and writes it when it does', async () => {
    const { writer, written, errors, state, recordMany, total } = openWriter({ strangersMax: 100 })
    state.isDown = true
    recordMany(15, refusal)
    await writer.flush()
    recordMany(15, refusal)
    await writer.flush()
    expect(errors).toHaveLength(2)
    expect(written).toEqual([])
    state.isDown = false
    await writer.stop()
    expect(total()).toBe(30)
    expect(written.length).toBeLessThanOrEqual(20 + 1)
  })

  it('tells what it kept whole or counted, what waits, what was written, and what failed', async () => {
    const metrics = createMetrics({ version: 'test' })
    const { writer, state, recordMany } = openWriter({
      telemetry: createAuditTrailTelemetry(metrics),
    })
    const figures = async () =>
      [...(await metrics.render()).matchAll(/^tallystick_audit_trail_(\S+) (\d+)$/gm)].map(
        ([, name, value]) => `${name} ${value}`,
      )
    state.isDown = true
    recordMany(10, refusal)
    await writer.flush()
    expect(await figures()).toEqual([
      'events_total{kept="whole"} 3',
      'events_total{kept="counted"} 7',
      'waiting 4',
      'written_total 0',
      'failures_total 1',
    ])
    state.isDown = false
    await writer.flush()
    expect(await figures()).toContain('waiting 1')
    await writer.stop()
    expect((await figures()).slice(2)).toEqual(['waiting 0', 'written_total 4', 'failures_total 1'])
    metrics.stop()
  })

  it('loses no event that comes while a write fails', async () => {
    const { promise, reject } = Promise.withResolvers<void>()
    const written: CountedEvent[] = []
    const errors: unknown[] = []
    let tries = 0
    const writer = createAuditWriter({
      write: async (events) => {
        tries += 1
        if (tries === 1) return promise
        written.push(...events)
        return undefined
      },
      onError: (error) => errors.push(error),
    })
    const [first, second] = [refusal({ requestId: 'first' }), refusal({ requestId: 'second' })]
    writer.record(first)
    const flushed = writer.flush()
    writer.record(second)
    reject(new Error('gone'))
    await flushed
    await writer.stop()
    expect(written.map(({ requestId }) => requestId)).toEqual(['first', 'second'])
    expect(errors).toHaveLength(1)
  })

  it('writes by itself once it is started, and the rest when it is stopped', async () => {
    const { writer, written, batches } = openWriter({ intervalMilliseconds: 1 })
    writer.start()
    writer.start()
    writer.record(refusal())
    await expect.poll(() => batches).toEqual([1])
    writer.record(refusal())
    await writer.stop()
    expect(written).toHaveLength(2)
    await writer.stop()
  })
})
