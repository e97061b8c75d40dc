/** Whom an address stands for: what limits by address count as one. */
import { isIPv4, isIPv6 } from 'node:net'

/**
 * An IPv4 address itself, also in its IPv6 form; of IPv6 the /64, which is what one customer of a
 * provider has at least. Anything else is one source.
 */
export function sourceOf(address: string): string {
  const plain = address.replace(/%.*$/, '')
  if (isIPv4(plain)) return plain
  if (!isIPv6(plain)) return 'unknown'
  const dotted = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1]
  if (dotted !== undefined && isIPv4(dotted)) return dotted
  return `${groupsOf(plain).slice(0, 4).join(':')}::/64`
}

function groupsOf(address: string): string[] {
  const [head = '', tail] = address.split('::')
  const left = split(head)
  const right = tail === undefined ? [] : split(tail)
  const gap = tail === undefined ? 0 : 8 - left.length - right.length
  return [...left, ...Array.from({ length: gap }, () => '0'), ...right].map((group) =>
    Number.parseInt(group, 16).toString(16),
  )
}

function split(groups: string): string[] {
  return groups === '' ? [] : groups.split(':')
}
