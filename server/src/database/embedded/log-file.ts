/**
 * PostgreSQL's messages, in one file of the data folder that is kept from growing without bound. It is
 * written straight by PostgreSQL and not through us, so that it tells also how a server's end looked.
 */
import { copyFile, open, readFile, stat, truncate } from 'node:fs/promises'

const BYTES_MAX = 16 * 1024 * 1024
const CHECK_MILLISECONDS = 60_000

/** A descriptor to give to PostgreSQL; to be closed once it has been. */
export async function openLog(path: string) {
  await rotate(path)
  return open(path, 'a', 0o600)
}

/** Moves the log to `<log>.1` whenever it is too large; one old file is kept. */
export function keepLogSmall(path: string): { stop(): void } {
  const timer = setInterval(() => {
    // A log that cannot be moved now is moved at the next check.
    rotate(path).catch(() => {})
  }, CHECK_MILLISECONDS)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

// PostgreSQL holds the file open for appending, so the content moves and the file stays.
async function rotate(path: string): Promise<void> {
  if ((await logPosition(path)) <= BYTES_MAX) return
  await copyFile(path, `${path}.1`)
  await truncate(path)
}

/** The size in bytes, to read later what came after. */
export async function logPosition(path: string): Promise<number> {
  return stat(path).then(
    (status) => status.size,
    () => 0,
  )
}

/** The last lines that were written after a position. */
export async function logTail(path: string, position: number): Promise<string> {
  const text = (await readFile(path)).subarray(position).toString('utf8')
  return text.trimEnd().split('\n').slice(-8).join('\n')
}
