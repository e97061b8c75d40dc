/** The versions that belong together. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { asRecord, packageFolder, readJson } from './support.ts'

const manifest = asRecord(readJson('package.json'))
const dependencies = {
  ...asRecord(manifest['dependencies']),
  ...asRecord(manifest['devDependencies']),
}

test('every dependency is pinned exactly, and the lock agrees', () => {
  const packages = asRecord(asRecord(readJson('package-lock.json'))['packages'])
  const locked = Object.keys(dependencies).map((name) => [
    name,
    asRecord(packages[`node_modules/${name}`])['version'],
  ])
  expect(Object.fromEntries(locked)).toEqual(dependencies)
  for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/)
})

test('every package of the lock comes with its hash', () => {
  const packages = asRecord(asRecord(readJson('package-lock.json'))['packages'])
  const bare = Object.entries(packages).filter(([path, entry]) => {
    const { integrity, inBundle } = asRecord(entry)
    return path !== '' && integrity === undefined && inBundle !== true
  })
  expect(bare.map(([path]) => path)).toEqual([])
})

test('the command is of the line 2.1148: the 3.0.0 that is tagged latest reads no assembly of today', () => {
  expect(dependencies['aws-cdk']).toMatch(/^2\.1148\.\d+$/)
  expect(asRecord(readJson('node_modules/aws-cdk/package.json'))['version']).toBe(
    dependencies['aws-cdk'],
  )
})

test('the package is no part of the install of the project', () => {
  const root: unknown = JSON.parse(readFileSync(join(packageFolder, '../../package.json'), 'utf8'))
  expect(asRecord(root)['workspaces']).not.toContain('deploy/aws')
  expect(JSON.stringify(root)).not.toContain('aws-cdk')
})
