/**
 * The key that seals tokens: 32 random bytes, given as text in the configuration.
 *
 * Whoever knows or guesses the key can be anyone, so a text that does not look like 32 random bytes
 * is refused with the reason. The checks are loose enough that a random key fails them about once in
 * a million times or less, and only when written as base64.
 */
import { createHash, randomBytes } from 'node:crypto'

export const tokenKeyBytes = 32

/** Shown in documentation as an example of the form, and refused for that reason. */
export const sampleTokenKey = '8d1f6b0e7ac3492f54b7e1d09c6a3358f2e4417bd59026ac7f13c8e05b9a64d7'

/** The keys of the PASETO test vectors, of RFC 8439 and of our own documentation. */
const publishedKeys = new Set([
  sampleTokenKey,
  '707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f',
  '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
])

/** A key of which tokens count until then, and no longer. */
export interface AcceptedKey {
  key: Uint8Array
  until: Date
}

export type TokenKeyText = { ok: true; key: Uint8Array } | { ok: false; reason: string }

/** The key that a text stands for: 64 hex digits, or base64 or base64url of 32 bytes. */
export function parseTokenKey(text: string): TokenKeyText {
  const key = decodeKey(text)
  if (key === undefined) return refusal(describeForm(text))
  if (publishedKeys.has(key.toString('hex'))) return refusal('is a published sample')
  if (isReadable(text, key)) return refusal('is readable text and not random bytes')
  if (isPatterned(key)) return refusal('repeats a pattern and is not random')
  return { ok: true, key: new Uint8Array(key) }
}

/** A new random key, as text that {@link parseTokenKey} takes. */
export function generateTokenKey(): string {
  return randomBytes(tokenKeyBytes).toString('hex')
}

/**
 * The public name of a key, for the header or footer of its tokens: 72 bits of a hash, so that it
 * tells nothing about the key. It differs by `purpose`: one key under two kinds has two names.
 */
export function tokenKeyId(purpose: string, key: Uint8Array): string {
  const hash = createHash('sha256').update(`tallystick token key id\n${purpose}\n`).update(key)
  return hash.digest().subarray(0, 9).toString('base64url')
}

function refusal(reason: string): TokenKeyText {
  return { ok: false, reason }
}

function decodeKey(text: string): Buffer | undefined {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex')
  for (const encoding of ['base64', 'base64url'] as const) {
    const key = Buffer.from(text, encoding)
    // Node's decoder skips what it does not know and takes either alphabet: only a text that comes
    // back the same was one. The padding may be left out.
    const canonical = key.toString(encoding)
    const spellings = [canonical, canonical.replace(/=+$/, ''), canonical.padEnd(44, '=')]
    if (key.length === tokenKeyBytes && spellings.includes(text)) return key
  }
  return undefined
}

function describeForm(text: string): string {
  const form = 'it must be 32 random bytes, as 64 hex digits or 44 characters of base64'
  if (text === '') return `is empty: ${form}`
  if (/^[0-9a-fA-F]+$/.test(text)) return `has ${text.length} hex digits: ${form}`
  return `is not a key: ${form}`
}

/** A passphrase, either as it is or encoded. */
function isReadable(text: string, key: Buffer): boolean {
  if (key.every((byte) => byte >= 0x20 && byte < 0x7f)) return true
  if (text.length === 64) return false
  // Base64 of random bytes has about 17 of its 43 characters in either case, and 31 different ones.
  const lower = text.replaceAll(/[^a-z]/g, '').length
  const upper = text.replaceAll(/[^A-Z]/g, '').length
  return lower > 33 || upper > 33 || lower < 3 || upper < 3 || new Set(text).size < 18
}

/** Few different bytes, or a sequence with a constant step. 32 random bytes have about 30. */
function isPatterned(key: Buffer): boolean {
  if (new Set(key).size < 16) return true
  const steps = new Set<number>()
  key.forEach((byte, index) => steps.add((byte - (key[index - 1] ?? 0)) & 0xff))
  return steps.size < 12
}
