/** What the command lines of the tools share: a mistake on one is one line, and exit code 2. */

/** Somebody asked for what there is not; the message says what there is. */
export class UsageError extends Error {}

/** Runs what reads a command line, to its end or to the line that says what is wrong with it. */
export async function withUsage<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!isMistake(error)) throw error
    process.stderr.write(`${error.message}\nSee --help.\n`)
    return process.exit(2)
  }
}

function isMistake(error: unknown): error is Error {
  if (error instanceof UsageError) return true
  return (
    error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')
  )
}
