/** Each rule of compose.yaml is broken once, and says so. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { findComposeProblems } from './support/compose-rules.ts'
import { projectFolder } from './support/paths.ts'

const text = readFileSync(join(projectFolder, 'compose.yaml'), 'utf8')

it.for([
  ['an image by tag', /@sha256:\w+/, ''],
  ['a root that can be written', 'read_only: true', 'read_only: false'],
  ['capabilities', 'cap_drop: [ALL]', 'cap_drop: []'],
  ['a port for everybody', '127.0.0.1:8080:8080', '8080:8080'],
  ['a password', 'POSTGRES_PASSWORD_FILE: /keys/postgres-password', 'POSTGRES_PASSWORD: secret'],
  ['privileges', 'no-new-privileges:true', 'label:disable'],
  ['no wait for the schema', 'service_completed_successfully', 'service_started'],
  ['a stop that is cut', /stop_grace_period: 40s/, ''],
] as const)('%s is found', ([, from, to]) => {
  expect(findComposeProblems(parse(text, { merge: true }))).toEqual([])
  const broken = text.replace(from, to)
  expect(broken).not.toBe(text)
  expect(findComposeProblems(parse(broken, { merge: true }))).not.toEqual([])
})
