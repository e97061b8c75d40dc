/**
 * From sources to parsed values: one value per setting, or every problem at once. The environment
 * wins over app.env, and app.env over secrets; a text of "" in the environment makes a setting absent.
 */
import { parseAppEnv } from './app-env.ts'
import { ConfigError, suggestSetting, type ConfigProblem } from './problems.ts'
import {
  isSettingKey,
  settingKeys,
  settings,
  type Setting,
  type SettingKey,
  type SettingValues,
} from './settings.ts'
import type { ConfigSources } from './sources.ts'

/** `findConflicts` says what is wrong between settings, by which of them are given. */
export function parseSettings(
  sources: ConfigSources,
  findConflicts: (isGiven: (key: SettingKey) => boolean) => readonly ConfigProblem[],
): SettingValues {
  const { texts, problems } = collectTexts(sources)
  const values: Record<string, unknown> = {}
  for (const key of settingKeys) {
    const setting: Setting<unknown> = settings[key]
    const text = texts.get(key) || setting.fallback
    if (text === undefined) continue
    const parsed = setting.parse(text)
    if ('value' in parsed) {
      values[key] = parsed.value
      continue
    }
    const shown = setting.secret ? '' : `, not ${JSON.stringify(text)}`
    problems.push({ subject: key, text: `${parsed.problem}${shown}`, key })
  }
  problems.push(...findConflicts((key) => Boolean(texts.get(key))))
  if (problems.length > 0) throw new ConfigError(problems)
  // Each member was made by the parser of its key, and the keys with a fallback are all there.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as the line above says
  return values as SettingValues
}

function collectTexts(sources: ConfigSources): {
  texts: Map<SettingKey, string>
  problems: ConfigProblem[]
} {
  const texts = new Map<SettingKey, string>()
  const problems: ConfigProblem[] = []
  for (const { name, values } of sources.secrets ?? []) {
    for (const [key, value] of Object.entries(values)) {
      if (isSettingKey(key)) texts.set(key, value)
      else problems.push(unknownKey(key, `secret ${name}`))
    }
  }
  if (sources.appEnv) {
    const { name, text } = sources.appEnv
    const file = parseAppEnv(text)
    for (const { line, reason } of file.problems) {
      problems.push({ subject: `${name} line ${line}`, text: reason })
    }
    for (const { key, value, line } of file.entries) {
      if (isSettingKey(key)) texts.set(key, value)
      else problems.push(unknownKey(key, `${name} line ${line}`))
    }
  }
  for (const key of settingKeys) {
    const text = sources.environment[key]
    if (text !== undefined) texts.set(key, text)
  }
  return { texts, problems }
}

function unknownKey(key: string, place: string): ConfigProblem {
  const suggestion = suggestSetting(key)
  const hint = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
  return { subject: key, text: `(${place}) is not a setting${hint}` }
}
