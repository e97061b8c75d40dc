import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { chooseFaults } from '../catalog.ts'
import { applyPatches } from './patch.ts'
import { plantedFaults } from './planted-faults.ts'

const patch = { file: 'some.ts', find: 'lock()', replace: 'read()' }

test('a patch changes its one place and nothing else', () => {
  expect(applyPatches('a; lock(); b', [patch])).toBe('a; read(); b')
})

test.each(['a; b', 'lock(); lock()'])('a patch without its one place is refused: %s', (text) => {
  expect(() => applyPatches(text, [patch])).toThrow('exactly one place')
})

describe.each(plantedFaults)('the planted fault $name', ({ patches, faults }) => {
  test('changes the sources as they are now', () => {
    expect(patches.length).toBeGreaterThan(0)
    for (const file of new Set(patches.map((each) => each.file))) {
      const text = readFileSync(new URL(`../../server/src/${file}`, import.meta.url), 'utf8')
      const own = patches.filter((each) => each.file === file)
      expect(applyPatches(text, own)).not.toBe(text)
    }
  })

  test('is looked for with faults that there are', () => {
    expect(chooseFaults(faults)).not.toEqual([])
  })
})
