import { expect, test } from 'vitest'
import type { Answer } from './client.ts'
import type { Entry } from './book.ts'
import { createScoreboard } from './scoreboard.ts'
import {
  createBookOf,
  cut,
  factOf,
  posted,
  refused,
  server,
  transferOf,
  unavailable,
} from './testing.ts'
import { balancesOf, judge } from './truth.ts'

/** An entry for each answer, with amounts 1, 2, ... */
async function entriesOf(...answers: Answer[]): Promise<Entry[]> {
  const book = createBookOf([...answers])
  const entries = answers.map((_, index) => book.add(transferOf(index + 1), 1))
  for (const entry of entries) await book.ask(entry, server)
  return entries
}

async function entryOf(answer: Answer): Promise<Entry> {
  const [entry] = await entriesOf(answer)
  if (!entry) throw new Error('there is an entry for each answer')
  return entry
}

test('a word that was kept is no violation', async () => {
  const entries = await entriesOf(posted('xfer_1'), refused, unavailable, cut, cut)
  const [acknowledged, , , , carriedOut] = entries
  if (!acknowledged || !carriedOut) throw new Error('there is an entry for each answer')
  const facts = [factOf(acknowledged, 'xfer_1'), factOf(carriedOut, 'xfer_5')]
  expect(judge(entries, facts)).toEqual([])
})

test('an acknowledged transfer that is not there is lost', async () => {
  const entry = await entryOf(posted('xfer_1'))
  expect(judge([entry], [])).toMatchObject([{ kind: 'lost' }])
})

test('a transfer that is there twice is doubled, under its key or without', async () => {
  const entry = await entryOf(posted('xfer_1'))
  const fact = factOf(entry, 'xfer_1')
  expect(judge([entry], [fact, { ...fact, id: 'xfer_2' }])).toMatchObject([{ kind: 'doubled' }])
  expect(judge([entry], [fact, { ...fact, id: 'xfer_2', keys: [] }])).toMatchObject([
    { kind: 'doubled' },
  ])
})

test('an unknown transfer may be there or not, and not twice', async () => {
  const entry = await entryOf(cut)
  const fact = factOf(entry, 'xfer_1')
  expect(judge([entry], [])).toEqual([])
  expect(judge([entry], [fact])).toEqual([])
  expect(judge([entry], [fact, { ...fact, id: 'xfer_2' }])).toMatchObject([{ kind: 'doubled' }])
})

test.each([
  ['was refused', refused],
  ['was said not to be done', unavailable],
])('a transfer that %s and is there is wrong', async (_, answer) => {
  const entry = await entryOf(answer)
  expect(judge([entry], [factOf(entry, 'xfer_1')])).toMatchObject([{ kind: 'wrong' }])
})

test('another id, another key, no key and a transfer that nobody asked for are wrong', async () => {
  const entry = await entryOf(posted('xfer_1'))
  const fact = factOf(entry, 'xfer_1')
  const wrong = [{ kind: 'wrong' }]
  expect(judge([entry], [{ ...fact, id: 'xfer_2' }])).toMatchObject(wrong)
  expect(judge([entry], [{ ...fact, keys: ['another'] }])).toMatchObject(wrong)
  expect(judge([entry], [{ ...fact, keys: [] }])).toMatchObject(wrong)
  const strange = { ...fact, id: 'xfer_2', effect: { ...fact.effect, amount: 99 } }
  expect(judge([entry], [fact, strange])).toMatchObject(wrong)
})

test('the evidence names the instruction, its key, its answers and its rows', async () => {
  const entry = await entryOf(posted('xfer_1'))
  const fact = factOf(entry, 'xfer_1')
  const [violation] = judge([entry], [fact, { ...fact, id: 'xfer_2' }])
  const evidence = violation?.evidence.join('\n')
  for (const text of ['/v1/transfers', 'key-1', 'A: posted', 'xfer_1', 'xfer_2']) {
    expect(evidence).toContain(text)
  }
})

test('half a group is lost when it was acknowledged and wrong when it was not', async () => {
  const parts = [transferOf(1), transferOf(2)].flatMap(({ effects }) => effects)
  const instruction = { ...transferOf(3), kind: 'group' as const, effects: parts }
  const outcomes = ['xfer_1', 'xfer_2'].map((id) => ({ transfer: { id } }))
  const whole = { ...posted(''), text: JSON.stringify({ outcomes }) }
  const book = createBookOf([whole, cut])
  const [acknowledged, unknown] = [book.add(instruction, 1), book.add(instruction, 1)]
  await book.ask(acknowledged, server)
  await book.ask(unknown, server)
  const facts = parts.map((effect, index) => {
    return { id: `xfer_${index + 1}`, effect, keys: [instruction.idempotencyKey], keyCount: 1 }
  })
  expect(judge([acknowledged], facts)).toEqual([])
  expect(judge([unknown], facts)).toEqual([])
  expect(judge([acknowledged], facts.slice(1))).toMatchObject([{ kind: 'lost' }])
  expect(judge([unknown], facts.slice(1))).toMatchObject([{ kind: 'wrong' }])
  expect(judge([acknowledged], facts.toReversed())).toEqual([])
})

test('balances follow from what was posted only', async () => {
  const entries = await entriesOf(posted('xfer_1'), refused, cut, posted('xfer_4'))
  expect(balancesOf(entries)).toEqual(
    new Map([
      ['acct_a', -5],
      ['acct_b', 5],
    ]),
  )
})

test('the scoreboard counts what was lost and doubled, and then the run is no success', async () => {
  const entries = await entriesOf(posted('xfer_1'), posted('xfer_2'), refused, cut)
  const [, second] = entries
  if (!second) throw new Error('there is an entry for each answer')
  const facts = [factOf(second, 'xfer_2'), { ...factOf(second, 'xfer_9'), keys: [] }]
  const scoreboard = createScoreboard()
  scoreboard.add({ fault: 'quiet', entries: [], violations: [], checks: 3 })
  expect(scoreboard.violated).toBe(false)

  scoreboard.add({ fault: 'planted', entries, violations: judge(entries, facts), checks: 4 })
  expect(scoreboard.scores.get('planted')).toEqual({
    injected: 1,
    acknowledged: 2,
    refused: 1,
    unknown: 1,
    resolved: 0,
    lost: 1,
    doubled: 1,
    wrong: 0,
    checks: 4,
  })
  expect(scoreboard.total).toMatchObject({ injected: 2, lost: 1, doubled: 1, checks: 7 })
  expect(scoreboard.violated).toBe(true)
  scoreboard.skip('full-disk', 'there is no room for one')
  expect(scoreboard.render()).toMatch(/^planted +1 +2 +1 +1 +0 +1 +1 +0 +4$/m)
  expect(scoreboard.render()).toContain('skipped full-disk: there is no room for one')
})
