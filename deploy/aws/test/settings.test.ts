/** The settings: what is wrong is named, and they fit the manifests of deploy/kubernetes. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseSettings } from '../src/settings.ts'
import { asRecord, environments, packageFolder, readJson, shippedSettings } from './support.ts'

const good = {
  ...asRecord(readJson('settings/shared.json')),
  ...asRecord(readJson('settings/production.json')),
}

test('every problem is reported at once, with what is expected', () => {
  const bad = {
    ...good,
    account: '12',
    region: 'seoul',
    zones: ['a', 'a'],
    apiNetworks: 'all',
    size: 3,
  }
  for (const words of [
    'account is "12", such as "111122223333" is expected',
    'region is "seoul", such as "ap-northeast-2" is expected',
    'zones names one twice',
    'apiNetworks is no list',
    'size is no setting',
  ]) {
    expect(() => parseSettings('production', bad)).toThrow(words)
  }
})

test('a profile with more zones than are named is refused', () => {
  expect(() => parseSettings('production', { ...good, zones: ['a', 'c'] })).toThrow(
    'the profile production needs 3 letters',
  )
})

test('nobody is locked out: an administrator must be named', () => {
  expect(() => parseSettings('production', { ...good, adminRoleArns: [] })).toThrow(
    'adminRoleArns is empty',
  )
})

test('the region is said in one file', () => {
  for (const environment of environments) {
    expect(readJson('settings', `${environment}.json`)).not.toHaveProperty('region')
  }
  const elsewhere = parseSettings('production', {
    ...good,
    region: 'eu-central-1',
    zones: ['a', 'c', 'b'],
  })
  expect(elsewhere.availabilityZones).toEqual(['eu-central-1a', 'eu-central-1c', 'eu-central-1b'])
})

test.each(environments)(
  'the manifests of %s have the same domain, region and connections',
  (name) => {
    const settings = shippedSettings(name)
    const manifests = readEnvironment(name)
    expect(manifests).toMatchObject({
      DOMAIN: `api.${settings.zoneName}`,
      DNS_ZONE: settings.zoneName,
      AWS_REGION: settings.region,
      DATABASE_MAX_CONNECTIONS: String(settings.profile.database.connectionsMax),
    })
    expect(manifests['PUBLIC_ADDRESSES']?.split(',')).toHaveLength(settings.profile.zoneCount)
  },
)

function readEnvironment(name: string): Record<string, string> {
  const file = `../kubernetes/overlays/${name}/settings/environment.env`
  const lines = readFileSync(join(packageFolder, file), 'utf8').split('\n')
  return Object.fromEntries(
    lines
      .filter((line) => line.includes('=') && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}
