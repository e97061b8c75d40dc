/** Reads the configuration at the start, and again when `app.env` has changed while the bank runs. */
import { loadConfig, type Config } from '../config/config.ts'
import { readConfigSources, type ConfigSources } from '../config/sources.ts'

export interface ConfigReader {
  read(): Config
  /**
   * The present configuration, or `undefined` while the file is as it was at the last call. Throws a
   * ConfigError, once for each change.
   */
  reread(): Config | undefined
}

/** `settings` come from the command line and win over environment and file. */
export function createConfigReader(
  settings: Readonly<Record<string, string>>,
  readSources: () => ConfigSources = readConfigSources,
): ConfigReader {
  let text: string | undefined

  function load(sources: ConfigSources): Config {
    text = sources.appEnv?.text
    const environment = { ...sources.environment, ...settings }
    return loadConfig({ ...sources, environment }, { purpose: 'server' })
  }

  return {
    read: () => load(readSources()),
    reread() {
      const sources = readSources()
      return sources.appEnv?.text === text ? undefined : load(sources)
    },
  }
}
