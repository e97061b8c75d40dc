/**
 * The text of an API key: `tsk_` and base64url of id (16 bytes) and secret (32 random bytes). The id
 * finds the row, the hash of the whole text shows that the key is genuine. It has one spelling.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Uuid } from '../../kernel/ids.ts'
import { decodeBase64url, encodeBase64url } from '../tokens/base64url.ts'
import { uuidOfBytes } from '../tokens/uuid-bytes.ts'

export interface ApiKeyText {
  text: string
  id: Uuid
  /** What is stored of it. */
  hash: Buffer
}

const prefix = 'tsk_'
const idBytes = 16
const secretBytes = 32

export function createApiKeyText(id: Uuid): ApiKeyText {
  const idPart = Buffer.from(id.replaceAll('-', ''), 'hex')
  const text = prefix + encodeBase64url(Buffer.concat([idPart, randomBytes(secretBytes)]))
  return { text, id, hash: hashOf(text) }
}

/** What has the form of a key, whether or not it is one. */
export function parseApiKeyText(text: string): ApiKeyText | undefined {
  if (!isApiKeyText(text)) return undefined
  const bytes = decodeBase64url(text.slice(prefix.length))
  if (bytes?.length !== idBytes + secretBytes) return undefined
  return { text, id: uuidOfBytes(bytes.subarray(0, idBytes)), hash: hashOf(text) }
}

/** Tells keys from access tokens, none of which begins like that. */
export function isApiKeyText(text: string): boolean {
  return text.startsWith(prefix)
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
