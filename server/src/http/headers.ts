/** Request headers as they came: Node keeps only the first of some repeated ones. */

/** How often a header was sent. `rawHeaders` is the list of names and values; `name` lower-case. */
export function countHeader(rawHeaders: readonly string[], name: string): number {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index]
    if (candidate?.length === name.length && candidate.toLowerCase() === name) count += 1
  }
  return count
}
