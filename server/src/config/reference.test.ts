import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parseAppEnv } from './app-env.ts'
import { createAppEnvExample, createConfigurationReference } from './reference.ts'
import { settingKeys, settings } from './settings.ts'
import { projectDirectory } from './sources.ts'

function committed(path: string): string {
  return readFileSync(resolve(projectDirectory, path), 'utf8')
}

test('the committed reference and app.env.example are what the table of settings says', () => {
  expect(committed('docs/reference/configuration.md')).toBe(createConfigurationReference())
  expect(committed('app.env.example')).toBe(createAppEnvExample())
})

test('app.env.example is an app.env: as it is, and with every line switched on', () => {
  const text = createAppEnvExample()
  expect(parseAppEnv(text)).toEqual({ entries: [], problems: [] })
  const { entries, problems } = parseAppEnv(text.replaceAll(/^#(?=[A-Z])/gm, ''))
  expect(problems).toEqual([])
  expect(entries.map(({ key, value }) => [key, value])).toEqual(
    settingKeys.map((key) => [key, settings[key].example]),
  )
})
