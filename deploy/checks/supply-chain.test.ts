/** What the rules of the packages refuse. */
import { expect, it } from 'vitest'
import { findLicenceProblems, findLockProblems, licencesOf } from './support/supply-rules.ts'

const good = { integrity: 'sha512-x' }

it.for([
  ['a package without a hash', {}, 1],
  ['a weak hash', { integrity: 'sha1-x' }, 1],
  ['a script that nobody allowed', { ...good, hasInstallScript: true }, 1],
  ['a good package', good, 0],
] as const)('%s', ([, entry, count]) => {
  const lock = { packages: { '': {}, 'node_modules/a/node_modules/b': entry } }
  expect(findLockProblems(lock, [])).toHaveLength(count)
})

it('a script that is allowed by name', () => {
  const lock = { packages: { 'node_modules/@a/b': { ...good, hasInstallScript: true } } }
  expect(findLockProblems(lock, ['@a/b'])).toEqual([])
})

it('a licence that is not allowed, and none at all', () => {
  const sbom = {
    components: [
      { name: 'a', version: '1', licenses: [{ license: { id: 'MIT' } }] },
      { name: 'b', version: '1', licenses: [{ license: { id: 'AGPL-3.0-only' } }] },
      { name: 'c', version: '1' },
    ],
  }
  expect(findLicenceProblems(licencesOf(sbom))).toEqual([
    'b@1 has the licence AGPL-3.0-only',
    'c@1 has the licence none',
  ])
  expect(findLicenceProblems([])).not.toEqual([])
})
