/** Keeps the secrets of users readable while the token key changes. */
import type { Identity } from '../identity/identity.ts'
import type { Logger } from '../telemetry/logger.ts'

const intervalMilliseconds = 60_000

/** At once, and again every minute: cheap while the keys are the same. Returns what ends it. */
export async function watchSecrets(
  identity: Pick<Identity, 'keepSecrets'>,
  logger: Logger,
): Promise<() => void> {
  let complaint = ''
  async function keep(): Promise<void> {
    try {
      await identity.keepSecrets()
      complaint = ''
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (reason !== complaint) logger.error({ reason }, 'second factors do not work')
      complaint = reason
    }
  }
  await keep()
  const timer = setInterval(() => void keep(), intervalMilliseconds)
  timer.unref()
  return () => clearInterval(timer)
}
