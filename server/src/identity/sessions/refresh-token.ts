/**
 * Refresh tokens: `tsr_` and base64url of session id (16 bytes), generation (4), secret (32) and tag
 * (16).
 *
 * Invariants: the first secret is random, each later one is an HMAC of the token before it, so that
 * the successor of a token can be computed again while only its hash is stored. The tag is an HMAC of
 * all before it: a text that we did not write is told apart from a spent token without asking the
 * database, and so nobody can end a session by its id. Both HMACs use keys derived from the ring's.
 * A token has one spelling.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { present } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Uuid } from '../../kernel/ids.ts'
import { decodeBase64url, encodeBase64url } from '../tokens/base64url.ts'
import type { KeyRing } from '../tokens/key-ring.ts'
import { uuidOfBytes } from '../tokens/uuid-bytes.ts'

export interface RefreshToken {
  text: string
  sessionId: Uuid
  /** How many tokens of this session came before it. */
  generation: number
  /** What is stored of it. */
  hash: Buffer
}

export interface RefreshTokens {
  /** The first one of a session. */
  create(sessionId: Uuid): RefreshToken
  /** The token of a text that we wrote, whether or not it still counts. */
  parse(text: string): RefreshToken | undefined
  /**
   * What follows a token, under each key of the ring: first that of the key that signs. There is
   * more than one while keys change, and the stored hash says which one it was.
   */
  successors(token: RefreshToken): readonly [RefreshToken, ...RefreshToken[]]
}

const prefix = 'tsr_'
const idBytes = 16
const generationBytes = 4
const secretBytes = 32
const tagBytes = 16
const taggedBytes = idBytes + generationBytes + secretBytes

interface RefreshKeys {
  secret: Buffer
  tag: Buffer
}

export function createRefreshTokens({
  ring,
  clock,
}: {
  ring: KeyRing
  clock: Clock
}): RefreshTokens {
  /** Of the keys that are accepted now. */
  function currentKeys(): RefreshKeys[] {
    const now = clock.now().getTime()
    return ring
      .current()
      .filter(({ until }) => now < until)
      .map(({ key }) => ({ secret: derive(key, 'successor'), tag: derive(key, 'tag') }))
  }

  function parse(text: string): RefreshToken | undefined {
    if (!text.startsWith(prefix)) return undefined
    const bytes = decodeBase64url(text.slice(prefix.length))
    if (bytes?.length !== taggedBytes + tagBytes) return undefined
    const tagged = bytes.subarray(0, taggedBytes)
    const tag = bytes.subarray(taggedBytes)
    const isOurs = currentKeys().some((keys) => timingSafeEqual(tag, tagOf(keys, tagged)))
    if (!isOurs) return undefined
    const generation = bytes.readUInt32BE(idBytes)
    return tokenOf(text, uuidOfBytes(bytes.subarray(0, idBytes)), generation)
  }

  function create(sessionId: Uuid): RefreshToken {
    const keys = present(currentKeys()[0], 'the key that signs')
    return sealToken(keys, { sessionId, generation: 0, secret: randomBytes(secretBytes) })
  }

  function successors(token: RefreshToken): readonly [RefreshToken, ...RefreshToken[]] {
    const { sessionId } = token
    const generation = token.generation + 1
    const [first, ...others] = currentKeys().map((keys) => {
      const secret = createHmac('sha256', keys.secret).update(token.text).digest()
      return sealToken(keys, { sessionId, generation, secret })
    })
    return [present(first, 'the successor by the key that signs'), ...others]
  }

  return { create, parse, successors }
}

function sealToken(
  keys: RefreshKeys,
  { sessionId, generation, secret }: { sessionId: Uuid; generation: number; secret: Buffer },
): RefreshToken {
  const head = Buffer.alloc(idBytes + generationBytes)
  head.write(sessionId.replaceAll('-', ''), 'hex')
  head.writeUInt32BE(generation, idBytes)
  const tagged = Buffer.concat([head, secret])
  const text = prefix + encodeBase64url(Buffer.concat([tagged, tagOf(keys, tagged)]))
  return tokenOf(text, sessionId, generation)
}

function tokenOf(text: string, sessionId: Uuid, generation: number): RefreshToken {
  return { text, sessionId, generation, hash: createHash('sha256').update(text).digest() }
}

function tagOf({ tag }: RefreshKeys, tagged: Uint8Array): Buffer {
  return createHmac('sha256', tag).update(tagged).digest().subarray(0, tagBytes)
}

function derive(key: Uint8Array, purpose: 'successor' | 'tag'): Buffer {
  return createHmac('sha256', key).update(`tallystick refresh token ${purpose}\n`).digest()
}
