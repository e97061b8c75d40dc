/**
 * Parameters as text, built here so that nothing is left for the driver to convert: array literals
 * of PostgreSQL for `unnest`, one string per column of a write set.
 *
 * Text arrays joined in JavaScript cost a fraction of what the driver's own conversion does, which
 * visits every element by type.
 */

/** An array literal of numbers, ids and other texts without special characters. */
export function plainArray(values: readonly (string | number | bigint)[]): string {
  return `{${values.join(',')}}`
}

/** An array literal of any texts; null stays null. */
export function textArray(values: readonly (string | null)[]): string {
  let literal = '{'
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? null
    if (index > 0) literal += ','
    literal += value === null ? 'NULL' : quoted(value)
  }
  return `${literal}}`
}

function quoted(value: string): string {
  // Few texts have a quote or a backslash, and looking is cheaper than replacing.
  const isPlain = !value.includes('"') && !value.includes('\\')
  return isPlain ? `"${value}"` : `"${value.replace(/["\\]/g, String.raw`\$&`)}"`
}
