import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { problemCodes } from '../server/src/http/problem-catalog.ts'
import { createProblemReference } from '../server/src/http/problem-reference.ts'
import { refusalOrder } from '../server/src/ledger/ledger.ts'

const sources = globSync('{server/src,test}/**/{*.test,testing}.ts')
const tests = sources.map((path) => readFileSync(path, 'utf8')).join('\n')

test.each(problemCodes)('a test yields %s', (code) => {
  expect(tests).toMatch(new RegExp(`['"\`]${code}['"\`:]`))
})

test('every refusal of the ledger has a status and a page', () => {
  expect(problemCodes).toEqual(expect.arrayContaining([...refusalOrder]))
})

test('the committed page of problems is the present one: npm run generate:reference', () => {
  const page = new URL('../docs/reference/problems.md', import.meta.url)
  expect(readFileSync(page, 'utf8')).toBe(createProblemReference())
})
