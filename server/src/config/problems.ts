/** What is wrong with a configuration, all of it at once, in words for the person who writes it. */
import { settingKeys, settings, type SettingKey } from './settings.ts'

/** `text` completes the sentence that begins with `subject`: a key, or a line of app.env. */
export interface ConfigProblem {
  subject: string
  text: string
  /** The setting whose example helps. */
  key?: SettingKey
}

/** Carries every problem that was found; its message is ready to be printed. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(describeProblems(problems))
    this.problems = problems
  }
}

function describeProblems(problems: readonly ConfigProblem[]): string {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  const lines = problems.map(({ subject, text, key }) => {
    const example = key && `\n    for example: ${key}=${settings[key].example}`
    return `  ${subject} ${text}${example ?? ''}`
  })
  return (
    `The configuration has ${count}:\n\n${lines.join('\n')}\n\n` +
    'All settings are explained in docs/reference/configuration.md.'
  )
}

/** The setting that was probably meant: at most two edits away, three for the long names. */
export function suggestSetting(key: string): SettingKey | undefined {
  let best: SettingKey | undefined
  let bestDistance = key.length > 12 ? 4 : 3
  for (const candidate of settingKeys) {
    const distance = editDistance(key, candidate)
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(substituted, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
