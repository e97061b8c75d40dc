/** PASETO `local` tokens. The footer holds the key id, and is compared as text like a JWT's header. */
import { randomBytes } from 'node:crypto'
import type { TokenEnvelope, TokenKeys } from './envelope.ts'
import { formatPaseto, noBytes, parsePaseto, type PasetoLocal } from './paseto-encoding.ts'
import { tokenKeyId } from './token-key.ts'

export function createPasetoEnvelope(version: PasetoLocal, keys: TokenKeys): TokenEnvelope {
  const keyOfFooter = new Map(keys.map((key) => [footerOf(version, key), key]))
  const sealingFooter = Buffer.from(footerOf(version, keys[0]))

  function seal(payload: string): string {
    const body = version.encrypt({
      key: keys[0],
      nonce: randomBytes(version.nonceBytes),
      message: Buffer.from(payload),
      footer: sealingFooter,
      implicitAssertion: noBytes,
    })
    return formatPaseto(version.header, { body, footer: sealingFooter })
  }

  function open(text: string): Uint8Array | undefined {
    const parts = parsePaseto(version.header, text)
    const key = parts && keyOfFooter.get(Buffer.from(parts.footer).toString('latin1'))
    return key && version.decrypt({ ...parts, key, implicitAssertion: noBytes })
  }

  return { times: 'rfc3339', seal, open }
}

function footerOf(version: PasetoLocal, key: Uint8Array): string {
  return JSON.stringify({ kid: tokenKeyId(version.header, key) })
}
