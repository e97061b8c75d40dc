/**
 * A bounded memory of what was found out about a text, for tokens that were verified. Opening a
 * token costs 72 us for PASETO v4, 28 us for v2 and 25 us for a JWT, a look-up here 0.15 us
 * (Node 24, 2 busy cores).
 *
 * Two generations in place of a linked list: new and used entries are in the young one; when that is
 * half of the bound, it becomes the old one, and the old one's unused entries are forgotten. So what
 * was used among the last `sizeMax / 2` different texts is always there, and there are never more
 * than `sizeMax`.
 */
export interface VerifiedCache<T> {
  get(text: string): T | undefined
  set(text: string, value: T): void
  delete(text: string): void
  readonly size: number
}

export function createVerifiedCache<T>(sizeMax: number): VerifiedCache<T> {
  const generationSizeMax = Math.max(1, Math.floor(sizeMax / 2))
  let young = new Map<string, T>()
  let old = new Map<string, T>()

  function set(text: string, value: T): void {
    old.delete(text)
    young.set(text, value)
    if (young.size < generationSizeMax) return
    old = young
    young = new Map()
  }

  function get(text: string): T | undefined {
    const recent = young.get(text)
    if (recent !== undefined) return recent
    const value = old.get(text)
    if (value !== undefined) set(text, value)
    return value
  }

  return {
    get,
    set,
    delete(text) {
      young.delete(text)
      old.delete(text)
    },
    get size() {
      return young.size + old.size
    },
  }
}
