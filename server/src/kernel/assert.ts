/**
 * Assertions that stay on in production. A failed one is a defect: a bug of ours, never a
 * consequence of what a client sent. The tx around it rolls back, the client gets a 500 with its
 * request id, and the defect is logged once, at the edge.
 */

/** An invariant of ours does not hold. */
export class Defect extends Error {
  override name = 'Defect'
}

/** Throws a {@link Defect} unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Defect(message)
}

/** Makes a `switch` over a union exhaustive at compile time, and loud at run time. */
export function unreachable(value: never): never {
  throw new Defect(`unreachable: ${JSON.stringify(value)}`)
}

/** The value, or a {@link Defect} that names what is missing. */
export function present<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined) throw new Defect(`${name} is missing`)
  return value
}
