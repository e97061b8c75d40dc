/**
 * What a team sets: settings/shared.json for all environments, and settings/<environment>.json over
 * it. The region stands in shared.json and nowhere else. All problems are reported at once.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isProfileName, profiles, type Profile, type ProfileName } from './profiles.ts'

export interface Settings {
  /** `staging`, `production`: part of every name, and an environment of the workflows. */
  environment: string
  profileName: ProfileName
  profile: Profile
  account: string
  region: string
  /** Named here and not looked up: a synthesis needs no account. */
  availabilityZones: string[]
  /** The hosted zone; the API is `api.` in front of it. */
  zoneName: string
  /** Who administers the cluster. */
  adminRoleArns: string[]
  /** From where the cluster's API can be reached at all. IAM decides who may use it. */
  apiNetworks: string[]
  /** Other accounts that may pull the image. */
  pullAccounts: string[]
  github: GithubSettings
}

export interface GithubSettings {
  owner: string
  ownerId: string
  repository: string
  repositoryId: string
  /** Repositories made before 2026-07-15 send a subject without the numbers. */
  legacySubject: boolean
  /** The account has GitHub's OIDC provider already; there can be one only. */
  providerExists: boolean
}

/** Reads the settings of an environment; throws one error that names every problem. */
export function readSettings(folder: string, environment: string): Settings {
  const file = join(folder, `${environment}.json`)
  if (!/^[a-z][a-z0-9]{0,15}$/.test(environment) || !existsSync(file)) {
    throw new Error(`there is no settings/${environment}.json`)
  }
  const texts = [join(folder, 'shared.json'), file].map((path) => readFileSync(path, 'utf8'))
  const [shared, own] = texts.map((text): unknown => JSON.parse(text))
  return parseSettings(environment, { ...asRecord(shared), ...asRecord(own) })
}

export function parseSettings(environment: string, value: Record<string, unknown>): Settings {
  const problems: string[] = []
  const read = createReader(problems)
  const name = read.text(value, 'profile', /^(small|production)$/, 'small')
  const profileName = isProfileName(name) ? name : 'small'
  const profile = profiles[profileName]
  const region = read.text(value, 'region', /^[a-z]{2}(-[a-z]+)+-\d$/, 'ap-northeast-2')
  const zones = read.texts(value, 'zones', /^[a-z]$/, 'a')
  if (new Set(zones).size !== zones.length) problems.push('zones names one twice')
  if (zones.length < profile.zoneCount) {
    problems.push(`zones: the profile ${profileName} needs ${profile.zoneCount} letters`)
  }
  const github = asRecord(value['github'])
  const settings: Settings = {
    environment,
    profileName,
    profile,
    account: read.text(value, 'account', /^\d{12}$/, '111122223333'),
    region,
    availabilityZones: zones.slice(0, profile.zoneCount).map((zone) => `${region}${zone}`),
    zoneName: read.text(value, 'zoneName', /^([a-z0-9-]{1,63}\.)+[a-z]{2,63}$/, 'example.com'),
    adminRoleArns: read.texts(
      value,
      'adminRoleArns',
      /^arn:aws:iam::\d{12}:role\/\S+$/,
      'arn:aws:iam::111122223333:role/Administrator',
    ),
    apiNetworks: read.texts(value, 'apiNetworks', /^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, '0.0.0.0/0'),
    pullAccounts: read.texts(value, 'pullAccounts', /^\d{12}$/, '111122223333'),
    github: {
      owner: read.text(github, 'owner', /^[A-Za-z0-9-]+$/, 'example'),
      ownerId: read.text(github, 'ownerId', /^\d+$/, '1000001'),
      repository: read.text(github, 'repository', /^[A-Za-z0-9._-]+$/, 'tallystick'),
      repositoryId: read.text(github, 'repositoryId', /^\d+$/, '2000002'),
      legacySubject: read.flag(github, 'legacySubject'),
      providerExists: read.flag(github, 'providerExists'),
    },
  }
  problems.push(...findUnknown(value, settingNames), ...findUnknown(github, githubNames))
  if (settings.adminRoleArns.length === 0) problems.push('adminRoleArns is empty')
  if (problems.length > 0)
    throw new Error(`settings of ${environment}:\n  ${problems.join('\n  ')}`)
  return settings
}

const settingNames = [
  'profile',
  'region',
  'zones',
  'account',
  'zoneName',
  'adminRoleArns',
  'apiNetworks',
  'pullAccounts',
  'github',
]
const githubNames = [
  'owner',
  'ownerId',
  'repository',
  'repositoryId',
  'legacySubject',
  'providerExists',
]

function createReader(problems: string[]) {
  function check(name: string, value: unknown, pattern: RegExp, example: string): string {
    if (typeof value === 'string' && pattern.test(value)) return value
    problems.push(
      `${name} is ${JSON.stringify(value) ?? 'missing'}, such as "${example}" is expected`,
    )
    return example
  }
  return {
    text: (record: Record<string, unknown>, name: string, pattern: RegExp, example: string) =>
      check(name, record[name], pattern, example),
    texts(record: Record<string, unknown>, name: string, pattern: RegExp, example: string) {
      const list: unknown = record[name]
      if (Array.isArray(list)) return list.map((item) => check(name, item, pattern, example))
      problems.push(`${name} is no list, such as ["${example}"] is expected`)
      return []
    },
    flag(record: Record<string, unknown>, name: string): boolean {
      const value = record[name]
      if (typeof value === 'boolean') return value
      problems.push(`${name} is neither true nor false`)
      return false
    },
  }
}

function findUnknown(record: Record<string, unknown>, names: readonly string[]): string[] {
  return Object.keys(record)
    .filter((name) => !names.includes(name))
    .map((name) => `${name} is no setting`)
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
