/**
 * How the text of a setting becomes a value. A parser says what a text must be and never repeats
 * it: whether the text may be shown is known only to the caller.
 */
import { isIP } from 'node:net'
import { findCurrency, type CurrencyCode } from '../kernel/currency.ts'
import { MINOR_MAX, type Minor } from '../kernel/money.ts'
import type { Rate } from '../rate-limits/rate-limits.ts'

/** `problem` completes the sentence "KEY ...". */
export type Parsed<T> = { value: T } | { problem: string }

export type Parser<T> = (text: string) => Parsed<T>

export interface Address {
  host: string
  port: number
}

/** `127.0.0.1:8080`, `bank.internal:8080` or `[::1]:8080`; port 0 takes any free one. */
export function parseAddress(text: string): Parsed<Address> {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port > 65_535) return { problem: 'must be host:port' }
  return { value: { host, port } }
}

export function parseText(text: string): Parsed<string> {
  return { value: text }
}

export function parseBoolean(text: string): Parsed<boolean> {
  if (text === 'true') return { value: true }
  if (text === 'false') return { value: false }
  return { problem: 'must be true or false' }
}

export function parseInteger(minimum: number, maximum: number): Parser<number> {
  return (text) => {
    const value = Number(text)
    return /^\d+$/.test(text) && value >= minimum && value <= maximum
      ? { value }
      : { problem: `must be a whole number from ${minimum} to ${maximum}` }
  }
}

export function parseOneOf<const T extends readonly string[]>(...choices: T): Parser<T[number]> {
  return (text) => {
    const value = choices.find((choice) => choice === text)
    return value === undefined
      ? { problem: `must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}` }
      : { value }
  }
}

const unitMilliseconds: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `250ms`, `15m`, `1h30m`: whole numbers with units, as milliseconds. `0` needs no unit. */
export function parseDuration(minimumMilliseconds: number, maximum: string): Parser<number> {
  const maximumMilliseconds = durationMilliseconds(maximum)
  return (text) => {
    const value = durationMilliseconds(text)
    if (value === undefined) return { problem: 'must be a duration in ms, s, m, h or d' }
    if (value < minimumMilliseconds) {
      return { problem: `must be a duration of at least ${minimumMilliseconds}ms` }
    }
    if (maximumMilliseconds !== undefined && value > maximumMilliseconds) {
      return { problem: `must be a duration of at most ${maximum}` }
    }
    return { value }
  }
}

/** `100/10m`: so many, and that many again over each such time. `off` is no limit. */
export function parseLimit(text: string): Parsed<Rate | 'off'> {
  if (text === 'off') return { value: 'off' }
  const [, countText, periodText = ''] = /^(\d{1,7})\/(.+)$/.exec(text) ?? []
  const count = Number(countText)
  const periodMilliseconds = durationMilliseconds(periodText) ?? 0
  return count >= 1 && periodMilliseconds >= 1000 && periodMilliseconds <= 86_400_000
    ? { value: { count, periodMilliseconds } }
    : { problem: 'must be a count, a slash and a duration from 1s to 1d; or off' }
}

function durationMilliseconds(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^(\d{1,9}(ms|s|m|h|d))+$/.test(text)) return undefined
  let sum = 0
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    sum += Number(count) * (unitMilliseconds[unit ?? ''] ?? 0)
  }
  return sum
}

/** Items between commas; blanks around them are left out, empty and repeated items are refused. */
export function parseList<T>(parseItem: Parser<T>, itemName: string): Parser<readonly T[]> {
  return (text) => {
    const values: T[] = []
    const seen = new Set<string>()
    for (const item of text.split(',').map((part) => part.trim())) {
      if (item === '') return { problem: `must be a list of ${itemName}s with commas between` }
      if (seen.has(item)) return { problem: `names one ${itemName} twice` }
      seen.add(item)
      const parsed = parseItem(item)
      if ('problem' in parsed) return { problem: `has a ${itemName} that ${parsed.problem}` }
      values.push(parsed.value)
    }
    return { value: values }
  }
}

export function parseCurrency(text: string): Parsed<CurrencyCode> {
  const currency = findCurrency(text)
  return currency === undefined ? { problem: 'is not in ISO 4217' } : { value: currency.code }
}

export function parseAmount(text: string): Parsed<Minor> {
  return parseInteger(1, MINOR_MAX)(text)
}

/** A URL of PostgreSQL. A user and a host are not asked for: sockets and peer logins exist. */
export function parseDatabaseUrl(text: string): Parsed<string> {
  const problem = 'must be a URL that begins with postgresql://'
  if (!/^postgres(ql)?:\/\//.test(text)) return { problem }
  try {
    const url = new URL(text)
    return url.pathname.length > 1 ? { value: text } : { problem: `must name a database` }
  } catch {
    return {
      problem: `${problem}, with special characters of user and password percent-encoded`,
    }
  }
}

/** `smtp://` or `smtps://` with a host; user and password percent-encoded, and nothing else. */
export function parseSmtpUrl(text: string): Parsed<string> {
  const problem = 'must be smtp://host:port or smtps://host:port, user:password@ before the host'
  const url = /^smtps?:\/\/[^/?#]+\/?$/.test(text) ? URL.parse(text) : null
  return url === null || url.hostname === '' ? { problem } : { value: text }
}

/** `no-reply@bank.example` or `Example Bank <no-reply@bank.example>`. */
export function parseMailFrom(text: string): Parsed<string> {
  const address = /^[^<>"\r\n]*<([^<>]+)>$/.exec(text)?.[1] ?? text
  return /^[\x21-\x7e]+$/.test(address) && /^[^@<>,;:"]+@[A-Za-z0-9.-]+$/.test(address)
    ? { value: text }
    : { problem: 'must be an e-mail address, or a name with one in angle brackets' }
}

/** An http or https URL without query and fragment; a slash at its end is left out. */
export function parseWebUrl(text: string): Parsed<string> {
  const problem = 'must be a URL that begins with https:// or http://, without ? and #'
  const url = /^https?:\/\/[^?#\s]+$/.test(text) ? URL.parse(text) : null
  if (url === null || url.username !== '' || url.password !== '') return { problem }
  return { value: text.replace(/\/+$/, '') }
}

/** An origin as browsers send it: scheme and host, a port where it is not the usual one. */
export function parseOrigin(text: string): Parsed<string> {
  const problem = 'is not an origin (scheme://host or scheme://host:port, nothing after it)'
  try {
    const url = new URL(text)
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return { problem }
    return url.origin === text ? { value: text } : { problem }
  } catch {
    return { problem }
  }
}

/** The canonical name of an IANA time zone. */
export function parseTimeZone(text: string): Parsed<string> {
  const problem = 'must be an IANA time zone'
  // Offsets such as +01:00 are taken by Intl too, but have no days of their own to change.
  if (!/^[A-Za-z]/.test(text)) return { problem }
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions()
    return { value: timeZone }
  } catch {
    return { problem }
  }
}

/** `10.0.0.0/8`, `fd00::/8` or one address. */
export function parseNetwork(text: string): Parsed<string> {
  const [address = '', bits, rest] = text.split('/')
  const family = isIP(address)
  const bitsMax = family === 4 ? 32 : 128
  if (family === 0 || rest !== undefined) return { problem: 'is not an IP address or network' }
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax)) {
    return { problem: `has more than ${bitsMax} bits` }
  }
  return { value: text }
}
