/**
 * A secret of AWS Secrets Manager as settings. deploy/scripts/secret-to-env.jq makes the same of it
 * for app.env; a test holds the two against each other.
 *
 *   secret  = a JSON object; its members are settings, or those of RDS's own form, or both
 *   setting = a key of capital letters, digits and underscores; text, a number, true or false
 *   RDS     = username, password, host, port (5432 when it is not there), dbname, and sslmode where it
 *             is not to be verify-full; further members such as engine are left out
 *
 * From RDS's form comes DATABASE_URL, or the other URL that is asked for. A setting of that name
 * beside it wins.
 */
import { parseAppEnv } from './app-env.ts'
import { parseList, parseWebUrl, type Parsed } from './parsers.ts'
import type { ConfigSources } from './sources.ts'

export const databaseUrlKeys = ['DATABASE_URL', 'MIGRATION_DATABASE_URL'] as const
export type DatabaseUrlKey = (typeof databaseUrlKeys)[number]

export type SecretSettings =
  | { values: Record<string, string> }
  /** What is wrong; names members and never holds a part of a value. */
  | { problem: string }

/** A secret, and which URL comes from it when it has RDS's form. */
export interface NamedSecret {
  id: string
  urlKey: DatabaseUrlKey
}

/** `id`, or `MIGRATION_DATABASE_URL=id`; an id is a name or an ARN. */
export function parseSecretName(text: string): Parsed<NamedSecret> {
  const separator = text.indexOf('=')
  const urlKey = databaseUrlKeys.find((key) => key === text.slice(0, Math.max(separator, 0)))
  const id = urlKey === undefined ? text : text.slice(separator + 1)
  if (!/^[\w/+=.@:-]{1,2048}$/.test(id)) return { problem: 'is not the name or ARN of one' }
  return { value: { id, urlKey: urlKey ?? 'DATABASE_URL' } }
}

export const parseSecretNames = parseList(parseSecretName, 'secret')

/**
 * The secrets that the sources name, before the configuration is there. What does not parse counts
 * as absent here: the loader complains of it.
 */
export function findNamedSecrets({ environment, appEnv }: ConfigSources): {
  named: readonly NamedSecret[]
  endpoint: string | undefined
} {
  const { entries } = parseAppEnv(appEnv?.text ?? '')
  const textOfSetting = (wanted: string) =>
    environment[wanted] ?? entries.find(({ key }) => key === wanted)?.value ?? ''
  const named = parseSecretNames(textOfSetting('AWS_SECRETS'))
  const endpoint = parseWebUrl(textOfSetting('AWS_SECRETS_ENDPOINT'))
  return {
    named: 'value' in named ? named.value : [],
    endpoint: 'value' in endpoint ? endpoint.value : undefined,
  }
}

type Members = ReadonlyMap<string, unknown>

const settingForm = /^[A-Z][A-Z0-9_]*$/

export function parseSecret(text: string, urlKey: DatabaseUrlKey = 'DATABASE_URL'): SecretSettings {
  const members = readMembers(text)
  if (members === undefined) return { problem: 'is not a JSON object' }
  const isDatabase = ['username', 'password', 'host'].every((name) => members.has(name))
  const values = new Map<string, string>()
  if (isDatabase) {
    const url = createDatabaseUrl(members)
    if ('problem' in url) return url
    values.set(urlKey, url.value)
  }
  for (const [key, value] of members) {
    if (!settingForm.test(key)) {
      if (isDatabase) continue
      return {
        problem: `has ${JSON.stringify(key)}, which is no setting, and not username, password and host`,
      }
    }
    const setting = textOf(value)
    if (setting === undefined) return { problem: `has ${key}, which is neither text nor a number` }
    values.set(key, setting)
  }
  return { values: Object.fromEntries(values) }
}

function readMembers(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? new Map(Object.entries(value)) : undefined
  } catch {
    return undefined
  }
}

function createDatabaseUrl(members: Members): { value: string } | { problem: string } {
  const member = (name: string, fallback = '') => textOf(members.get(name) ?? fallback) ?? ''
  const [host, port, database] = [member('host'), member('port', '5432'), member('dbname')]
  const sslmode = member('sslmode', 'verify-full')
  const [username, password] = [textOf(members.get('username')), textOf(members.get('password'))]
  if (username === undefined || password === undefined) {
    return { problem: 'has a username or a password that is neither text nor a number' }
  }
  // What may stand in a URL as it is; pg does not decode all of what could be encoded here.
  if (!/^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])$/.test(host)) return { problem: 'has no good host' }
  if (!/^[0-9]{1,5}$/.test(port)) return { problem: 'has no good port' }
  if (!/^[A-Za-z0-9_-]+$/.test(database)) return { problem: 'has no good dbname' }
  if (!/^[a-z-]+$/.test(sslmode)) return { problem: 'has no good sslmode' }
  const login = `${encode(username)}:${encode(password)}`
  return { value: `postgresql://${login}@${host}:${port}/${database}?sslmode=${sslmode}` }
}

/** Leaves only what RFC 3986 calls unreserved. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}
