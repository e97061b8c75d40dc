/**
 * Where settings come from: the environment, and `app.env` beside the project under it. This is the
 * one place that reads `process.env`.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError } from './problems.ts'

/** The folder that relative paths in settings start at, and that holds `app.env`. */
export const projectDirectory = fileURLToPath(new URL('../../../', import.meta.url))

export interface ConfigSources {
  environment: Readonly<Record<string, string | undefined>>
  appEnv?: { name: string; text: string }
  /** Read from elsewhere; environment and app.env win over them, and of two the later one. */
  secrets?: readonly SecretSource[]
}

export interface SecretSource {
  name: string
  values: Readonly<Record<string, string>>
}

/**
 * The environment of this process and the text of `app.env`, or of the file that APP_ENV_FILE names.
 * Throws a {@link ConfigError} when a file that was named, or is there, cannot be read.
 */
export function readConfigSources(): ConfigSources {
  const environment = process.env
  const named = environment['APP_ENV_FILE']
  const path = named ? resolve(named) : resolve(projectDirectory, 'app.env')
  try {
    return { environment, appEnv: { name: named ?? 'app.env', text: readFileSync(path, 'utf8') } }
  } catch (error) {
    if (!named && isMissing(error)) return { environment }
    const reason = error instanceof Error ? error.message : 'cannot be read'
    throw new ConfigError([{ subject: named ? 'APP_ENV_FILE' : 'app.env', text: reason }])
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
