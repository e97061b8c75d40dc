import type { Uuid } from '../../kernel/ids.ts'

/** The UUID of its 16 bytes. */
export function uuidOfBytes(bytes: Buffer): Uuid {
  const hex = bytes.toString('hex')
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)]
  return [...parts, hex.slice(20)].join('-')
}
