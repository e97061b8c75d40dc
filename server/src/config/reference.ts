/**
 * The texts that are generated from the table of settings: docs/reference/configuration.md and
 * `app.env.example`. Both are committed; `npm run generate` writes them and a test compares them.
 */
import { formatAppEnv } from './app-env.ts'
import { settingKeys, settings, type Setting, type SettingKey } from './settings.ts'

function groups(): [string, SettingKey[]][] {
  return Object.entries(Object.groupBy(settingKeys, (key) => settings[key].group)).map(
    ([group, keys]) => [group, keys ?? []],
  )
}

/** A setting's default as people read it. */
function describeFallback({ fallback }: Setting<unknown>): string {
  return fallback === undefined ? 'none' : `\`${fallback}\``
}

export function createConfigurationReference(): string {
  const sections = groups().map(([group, keys]) => {
    const rows = keys.map((key) => {
      const setting: Setting<unknown> = settings[key]
      const { description, example, secret } = setting
      const kind = secret ? ' Secret.' : ''
      return `| \`${key}\` | ${description}${kind} | ${describeFallback(setting)} | \`${example}\` |`
    })
    return `## ${group}\n\n| key | meaning | default | example |\n|---|---|---|---|\n${rows.join('\n')}\n`
  })
  return `${introduction}\n${sections.join('\n')}`
}

export function createAppEnvExample(): string {
  const sections = groups().map(([group, keys]) => {
    const blocks = keys.map((key) => {
      const setting: Setting<unknown> = settings[key]
      const line = formatAppEnv({ [key]: setting.example }).trimEnd()
      const note = `${setting.description} Default: ${setting.fallback ?? 'none'}.`
      return `${wrap(note)}\n#${line}\n`
    })
    return `# --- ${group}\n\n${blocks.join('\n')}`
  })
  return `${exampleHeader}\n${sections.join('\n')}`
}

/** Comment lines of at most 100 columns. */
function wrap(text: string): string {
  const lines: string[] = []
  let line = '#'
  for (const word of text.replaceAll('`', '').split(' ')) {
    if (line.length + 1 + word.length > 100 && line !== '#') {
      lines.push(line)
      line = '#'
    }
    line += ` ${word}`
  }
  return [...lines, line].join('\n')
}

const introduction = `<!-- Generated from server/src/config/settings.ts by \`npm run generate\`. -->

# Configuration

Settings are read from the environment and from \`app.env\` in the folder of the project (or from the
file that the environment variable \`APP_ENV_FILE\` names). The environment wins over the file. An
empty value counts as absent. Relative paths start at the folder of the project. \`app.env.example\`
lists every setting; without any, \`npm start\` runs a bank with a PostgreSQL of its own.

A start checks everything first and reports all problems at once, each with the key, what is wrong
and an example. A key in \`app.env\` that is no setting is a problem too. Values of secret settings
are never shown.

## The form of app.env

One setting per line, as \`KEY=value\`, without blanks before the \`=\`. Blank lines, and lines that
begin with \`#\`, are left out. A value is one of two:

- plain: any text without quotes, backslash, \`#\`, \`$\` and control characters; blanks before and after
  are not a part of it;
- quoted: a JSON string, such as \`"a \\"quoted\\" word, a \\\\, a $ and a\\nnew line"\`, and nothing after
  it. Whatever writes JSON writes it right (\`JSON.stringify\`, \`jq @json\`).

Nothing is expanded. Every value can be written, and is read back as it was.

Durations are whole numbers with a unit: \`250ms\`, \`30s\`, \`15m\`, \`1h30m\`, \`7d\`. Lists have commas
between their items.
`

const exampleHeader = `# Copy this file to app.env and take the # away from what you set. The environment wins over it.
# A value with quotes, backslash, # or $ is written as a JSON string: KEY="a # and a \\"quote\\"".
# Generated from server/src/config/settings.ts; docs/reference/configuration.md has it as tables.
`
