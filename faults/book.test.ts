import { expect, test } from 'vitest'
import type { Answer } from './client.ts'
import { createBookOf, cut, posted, refused, server, transferOf, unavailable } from './testing.ts'

/** What the book complains of after these answers to one key. */
async function complaintsAfter(...answers: Answer[]) {
  const book = createBookOf([...answers])
  const entry = book.add(transferOf(1), 1)
  for (const _ of answers) await book.ask(entry, server)
  return { entry, texts: book.takeViolations().map(({ text }) => text) }
}

test.each<[string, Answer[]]>([
  ['an answer and its replay', [posted('xfer_1'), posted('xfer_1', true)]],
  ['a replay after an unknown', [cut, posted('xfer_1', true)]],
  ['a posting after nothing was done', [unavailable, posted('xfer_1')]],
  ['nothing done now, after the outcome', [posted('xfer_1'), unavailable]],
])('%s is fine', async (_, answers) => {
  const { entry, texts } = await complaintsAfter(...answers)
  expect(texts).toEqual([])
  expect(entry.outcome).toMatchObject({ kind: 'posted' })
})

test('two answers to one key that differ are told', async () => {
  expect((await complaintsAfter(posted('xfer_1'), posted('xfer_2', true))).texts).toHaveLength(1)
  expect((await complaintsAfter(refused, posted('xfer_2'))).texts).toHaveLength(1)
})

test('a replay after nothing but "nothing was done" is told', async () => {
  expect((await complaintsAfter(unavailable, posted('xfer_1', true))).texts).toHaveLength(1)
})

test('an answer that no bank may give is told and leaves the outcome open', async () => {
  const defect: Answer = { kind: 'defect', code: '500 internal_error', text: '{}' }
  const { entry, texts } = await complaintsAfter(defect)
  expect(texts).toEqual(['no bank may answer with 500 internal_error'])
  expect(entry).toMatchObject({ outcome: undefined, wasUnknown: true })
})

test('of two releases the newer may show more, and what both show is the same', async () => {
  const answers = [posted('xfer_1'), posted('xfer_1', true), posted('xfer_2', true)]
  const [, newer] = answers
  if (newer) newer.text = '{"id":"xfer_1","hold_id":null}'
  const book = createBookOf(answers)
  const entry = book.add(transferOf(1), 1, { twoReleases: true })
  await book.ask(entry, server)
  await book.ask(entry, server)
  expect(book.takeViolations()).toEqual([])
  await book.ask(entry, server)
  expect(book.takeViolations()).toHaveLength(1)
})
