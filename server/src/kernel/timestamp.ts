/** Moments in text, read strictly: `new Date('2026-02-30')` is 2 March and no error. */

const pattern =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/

/**
 * The moment of an RFC 3339 text, cut to whole milliseconds, or `undefined` for any other text and
 * for days and times that there are not (leap seconds among them, which clocks here never show).
 */
export function parseTimestamp(text: string): Date | undefined {
  const match = pattern.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour, offsetMinute] =
    match
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  const milliseconds = Date.parse(`${local}Z`)
  // A day that there is not comes out as another one.
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(local)) {
    return undefined
  }
  if (Number(offsetHour ?? 0) > 23 || Number(offsetMinute ?? 0) > 59) return undefined
  const offsetMinutes = Number(offsetHour ?? 0) * 60 + Number(offsetMinute ?? 0)
  return new Date(
    milliseconds +
      Number(fraction.padEnd(3, '0').slice(0, 3)) -
      (sign === '-' ? -1 : 1) * offsetMinutes * 60_000,
  )
}
