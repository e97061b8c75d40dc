/** What the answers to instructions hold. */

/** The bodies of transfers and holds: one, or those of a group in its order. */
export function partsOf(text: string): Record<string, unknown>[] {
  const body = membersOf(JSON.parse(text))
  const outcomes = body['outcomes']
  if (!Array.isArray(outcomes)) return [body]
  return outcomes.map((outcome: unknown) => membersOf(membersOf(outcome)['transfer']))
}

export function idsOf(text: string): string[] {
  return partsOf(text).map(({ id }) => String(id))
}

/** The members of an object; of anything else there are none. */
export function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
