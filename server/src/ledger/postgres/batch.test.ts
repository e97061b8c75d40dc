import { describe, expect, it } from 'vitest'
import { assert, Defect } from '../../kernel/assert.ts'
import { Fault } from '../../kernel/fault.ts'
import type { TransferInstruction, TransferOutcome } from '../engine.ts'
import { silentTelemetry } from '../telemetry.ts'
import type { AttemptResult } from './attempt.ts'
import { createBatchRunner, type Item } from './batch.ts'
import type { OrderOutcome, PreparedOrder } from './order.ts'

const soon = () => performance.now() + 10_000

function instruction(amount: number): TransferInstruction {
  return {
    kind: 'transfer',
    principalId: 'a principal',
    authority: 'owner',
    idempotencyKey: { key: `key-${amount}`, index: 0 },
    requestId: `request-${amount}`,
    debit: { accountId: 'a' },
    credit: { accountId: 'b' },
    amount,
    currency: 'EUR',
    description: null,
    reference: null,
    metadata: null,
  }
}

/** The amount by which these tests know an order. */
function amountOf({ prepared }: PreparedOrder): number {
  const [first] = prepared
  assert(first?.instruction.kind === 'transfer', 'these tests send transfers')
  return first.instruction.amount
}

function outcomeOf(order: PreparedOrder): TransferOutcome {
  const amount = amountOf(order)
  const requestId = `request-${amount}`
  // The amount is named in it, so that a test can see whose outcome it is.
  const refusal = { code: 'limit_exceeded', limit: 0, requested: amount, currency: 'EUR' } as const
  return { kind: 'refused', refusal, replayed: false, requestId }
}

type Attempt = (batch: readonly PreparedOrder[], tries: number) => AttemptResult

/** Runs instructions with those amounts in one batch and returns how each was answered. */
async function run(amounts: number[], attempt: Attempt, deadline = soon()) {
  const attempts: number[][] = []
  const heldBack: number[] = []
  const answers = amounts.map(() => Promise.withResolvers<OrderOutcome>())
  const items = amounts.map((amount, index): Item => {
    const answer = answers[index] ?? Promise.withResolvers<OrderOutcome>()
    return {
      caller: 'a principal',
      accountIds: [],
      deadline,
      instruction: instruction(amount),
      named: undefined,
      isDryRun: false,
      weight: 1,
      arrivedAt: performance.now(),
      unknown: false,
      answered: false,
      resolve: answer.resolve,
      reject: answer.reject,
    }
  })
  const settled = Promise.allSettled(answers.map(({ promise }) => promise))
  await createBatchRunner({
    telemetry: silentTelemetry,
    contentionTriesMax: 3,
    prepare: async (orders) =>
      orders.map((order): PreparedOrder => {
        assert(order.instruction.kind === 'transfer', 'these tests send transfers')
        const ids = { debitAccountId: undefined, creditAccountId: undefined }
        const keyId = order.instruction.idempotencyKey.key
        const prepared = { keyId, fields: '', newId: '', ...ids, instruction: order.instruction }
        return { kind: 'one', accountIds: [], customerIds: [], prepared: [prepared] }
      }),
    async attempt({ batch, onCommitSent }) {
      attempts.push(batch.map(amountOf))
      const result = attempt(batch, attempts.length)
      if (result.kind === 'unknown') onCommitSent(batch.map(outcomeOf))
      return result
    },
  })(items, (pending) => heldBack.push(pending.length))
  return { attempts, heldBack, answers: await settled }
}

const committed: Attempt = (batch) => ({ kind: 'committed', outcomes: batch.map(outcomeOf) })

function failed(failure: 'contention' | 'surroundings' | 'content'): AttemptResult {
  return { kind: 'failed', failure, error: new Error('planted') }
}

function codesOf(answers: PromiseSettledResult<OrderOutcome>[]) {
  return answers.map((answer) => {
    if (answer.status === 'fulfilled') {
      return 'replayed' in answer.value && answer.value.replayed ? 'replayed' : 'answered'
    }
    return answer.reason instanceof Fault ? answer.reason.code : answer.reason.name
  })
}

describe('a batch', () => {
  it('answers each instruction with its own outcome', async () => {
    const { answers } = await run([1, 2, 3], committed)
    expect(answers).toMatchObject(
      [1, 2, 3].map((requested) => ({ value: { refusal: { requested } } })),
    )
  })

  it('runs again when another server was in the way', async () => {
    const { attempts, answers } = await run([1, 2], (batch, tries) =>
      tries === 1 ? failed('contention') : committed(batch, tries),
    )
    expect(attempts).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect(codesOf(answers)).toEqual(['answered', 'answered'])
  })

  it('is overloaded, with nothing done, when others are always in the way', async () => {
    const { attempts, answers } = await run([1, 2], () => failed('contention'))
    expect(attempts).toHaveLength(3)
    expect(codesOf(answers)).toEqual(['overloaded', 'overloaded'])
  })

  it('is unavailable at once when the surroundings fail', async () => {
    const { attempts, answers } = await run([1, 2], () => failed('surroundings'))
    expect(attempts).toHaveLength(1)
    expect(codesOf(answers)).toEqual(['unavailable', 'unavailable'])
  })

  it('is halved, in order, until the guilty instruction stands alone', async () => {
    const amounts = Array.from({ length: 100 }, (_, index) => index)
    const { attempts, answers } = await run(amounts, (batch, tries) =>
      batch.some((order) => amountOf(order) === 37) ? failed('content') : committed(batch, tries),
    )
    expect(codesOf(answers)).toEqual(
      amounts.map((amount) => (amount === 37 ? 'Defect' : 'answered')),
    )
    expect(answers[37]).toMatchObject({ reason: expect.any(Defect) })
    const posted = attempts.filter((batch) => !batch.includes(37)).flat()
    expect(posted).toEqual(amounts.filter((amount) => amount !== 37))
    expect(attempts.length).toBeLessThan(16)
  })

  it('runs again after a lost COMMIT, and what its keys show is new to the first to ask', async () => {
    const { attempts, answers } = await run([1, 2], (batch, tries) => {
      if (tries === 1) return { kind: 'unknown', error: new Error('cut') }
      const [first, second] = batch.map((prepared) => ({ ...outcomeOf(prepared), replayed: true }))
      if (!first || !second) return failed('content')
      // The second key had been used by an earlier request: a replay to this one.
      return { kind: 'committed', outcomes: [first, { ...second, requestId: 'earlier' }] }
    })
    expect(attempts).toHaveLength(2)
    expect(codesOf(answers)).toEqual(['answered', 'replayed'])
  })

  it('never says that nothing was done once a COMMIT was lost', async () => {
    for (const failure of ['contention', 'surroundings'] as const) {
      const { answers } = await run(
        [1],
        (_batch, tries) =>
          tries === 1 ? { kind: 'unknown', error: new Error('cut') } : failed(failure),
        performance.now() + 200,
      )
      expect(codesOf(answers)).toEqual(['outcome_unknown'])
    }
  })

  it('answers what it could post and goes on with what was held back', async () => {
    const { attempts, heldBack, answers } = await run([1, 2, 3], (batch, tries) => ({
      kind: 'committed',
      outcomes: batch.map((each) =>
        tries < 3 && amountOf(each) === 2 ? undefined : outcomeOf(each),
      ),
    }))
    expect(attempts).toEqual([[1, 2, 3], [2], [2]])
    expect(heldBack).toEqual([1, 1])
    expect(codesOf(answers)).toEqual(['answered', 'answered', 'answered'])
  })

  it('gives up before it begins what is past its deadline', async () => {
    const { attempts, answers } = await run([1], committed, performance.now() - 1)
    expect(attempts).toEqual([])
    expect(codesOf(answers)).toEqual(['overloaded'])
  })
})
