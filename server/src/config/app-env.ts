/**
 * `app.env`: settings as lines of text, in a form small enough to be written down whole.
 *
 *   file    = lines, each ended by LF or CR LF; UTF-8, a byte order mark in front is skipped
 *   line    = blank | comment | KEY "=" value
 *   comment = blanks "#" anything
 *   KEY     = an upper-case letter, then upper-case letters, digits and underscores; no blanks around
 *   value   = plain | quoted, with blanks before and after left out
 *   plain   = any characters but quotes of any kind, backslash, "#", "$" and control characters
 *   quoted  = a JSON string (RFC 8259): what JSON.stringify, jq's @json and every other JSON writer
 *             make of the value
 *
 * Nothing is expanded and nothing follows a quoted value, so a value means the same to each reader.
 * What common dotenv dialects read in different ways (a "#" or "$" in a plain value, other quotes)
 * is refused, not guessed. Every string round-trips: `parseAppEnv(formatAppEnv(x))` is `x`.
 */

export interface AppEnvEntry {
  key: string
  value: string
  /** The line it is on, from 1. */
  line: number
}

export interface AppEnvProblem {
  line: number
  /** What is wrong; never holds a part of the value, which may be a secret. */
  reason: string
}

export interface AppEnv {
  entries: AppEnvEntry[]
  problems: AppEnvProblem[]
}

const keyForm = /^[A-Z][A-Z0-9_]*$/
const notPlain = /["'`\\#$\p{Cc}]/u
/** Narrower than what a plain value may hold, so that shells and other readers agree on it too. */
const surelyPlain = /^[\w./:@,+%?&=~-]+$/

/** Reads the text of an `app.env`; a key that comes twice is a problem. */
export function parseAppEnv(text: string): AppEnv {
  const entries: AppEnvEntry[] = []
  const problems: AppEnvProblem[] = []
  const lineOfKey = new Map<string, number>()
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    if (/^[ \t]*(#|$)/.test(line)) continue
    const parsed = parseLine(line)
    if ('reason' in parsed) {
      problems.push({ line: index + 1, reason: parsed.reason })
      continue
    }
    const earlier = lineOfKey.get(parsed.key)
    if (earlier !== undefined) {
      problems.push({ line: index + 1, reason: `${parsed.key} is set on line ${earlier} already` })
      continue
    }
    lineOfKey.set(parsed.key, index + 1)
    entries.push({ ...parsed, line: index + 1 })
  }
  return { entries, problems }
}

/** The text of an `app.env` with these settings. Throws a `RangeError` for a key that is none. */
export function formatAppEnv(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([key, value]) => {
      if (!keyForm.test(key)) throw new RangeError(`not a key of app.env: ${JSON.stringify(key)}`)
      return `${key}=${surelyPlain.test(value) ? value : JSON.stringify(value)}\n`
    })
    .join('')
}

function parseLine(line: string): { key: string; value: string } | { reason: string } {
  const separator = line.indexOf('=')
  if (separator < 0) return { reason: 'is not KEY=value' }
  const key = line.slice(0, separator)
  if (!keyForm.test(key)) {
    return { reason: 'has no key of capital letters, digits and underscores right before the =' }
  }
  const raw = line.slice(separator + 1).replace(/^[ \t]+|[ \t]+$/g, '')
  if (raw.startsWith('"')) {
    const value = parseQuoted(raw)
    return value === undefined
      ? { reason: `${key}: the quoted value is not a JSON string with nothing after it` }
      : { key, value }
  }
  if (notPlain.test(raw)) {
    return {
      reason: `${key}: a value with quotes, backslash, # or $ must be a JSON string in double quotes`,
    }
  }
  return { key, value: raw }
}

function parseQuoted(raw: string): string | undefined {
  try {
    const value: unknown = JSON.parse(raw)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
