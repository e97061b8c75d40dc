/**
 * The keys of tokens: from the configuration, or for an embedded bank without one from its data
 * folder. They are followed while the bank runs, by reading `app.env` again every second: a file
 * that a secret is mounted as is replaced without any notice that can be relied on. A configuration
 * with problems changes nothing and is complained about once.
 */
import type { Config } from '../config/config.ts'
import type { KeyRing, TokenKeySet } from '../identity/tokens/key-ring.ts'
import { tokenKeyId } from '../identity/tokens/token-key.ts'
import { present } from '../kernel/assert.ts'
import type { Logger } from '../telemetry/logger.ts'
import { keepTokenKey } from './token-key.ts'

const intervalMilliseconds = 1000

export async function readTokenKeys(
  { key, acceptedKeys: accepted }: Pick<Config['tokens'], 'key' | 'acceptedKeys'>,
  dataDirectory: string | undefined,
  log: (line: string) => void,
): Promise<TokenKeySet> {
  if (key !== undefined) return { signing: key, accepted }
  const folder = present(dataDirectory, 'a token key, which an external database requires')
  const kept = await keepTokenKey(folder)
  if (kept.created) log(`made a random token key and keep it in ${kept.file}`)
  return { signing: kept.key, accepted }
}

export interface TokenKeyWatch {
  ring: KeyRing
  /** Throws when it cannot be read: see config-reader.ts. */
  rereadConfig: () => Config | undefined
  dataDirectory: string | undefined
  logger: Logger
}

/** Replaces the keys of the ring when the configuration has others, until it is stopped. */
export function watchTokenKeys({ ring, rereadConfig, dataDirectory, logger }: TokenKeyWatch): {
  /** For tests: what the timer does. */
  check(): Promise<void>
  stop(): void
} {
  let complaint = ''

  async function check(): Promise<void> {
    try {
      const config = rereadConfig()
      if (config === undefined) return
      const keys = await readTokenKeys(config.tokens, dataDirectory, (line) => logger.info(line))
      ring.replace(keys)
      complaint = ''
      logger.info(describe(keys), 'app.env has changed: the token keys are those that it names now')
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (reason === complaint) return
      complaint = reason
      logger.error({ reason }, 'app.env has changed and has problems: the token keys stay')
    }
  }

  const timer = setInterval(() => void check(), intervalMilliseconds)
  timer.unref()
  return { check, stop: () => clearInterval(timer) }
}

/** Public names, to be compared between servers. */
function describe({ signing, accepted }: TokenKeySet) {
  return {
    signing_key: tokenKeyId('key', signing),
    accepted_keys: accepted.map(
      ({ key, until }) => `${tokenKeyId('key', key)} until ${until.toISOString()}`,
    ),
  }
}
