/**
 * deploy/scripts/secret-to-env on hostile values: what it writes is read by the server's own reader of
 * app.env as exactly what the server makes of the same secret, and only the owner may read the file.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { parseAppEnv } from '../../server/src/config/app-env.ts'
import { parseSecret } from '../../server/src/config/secret.ts'
import { createTestFolder } from '../../test/support/postgres.ts'
import { judge, type Check } from './support/check.ts'
import { deployFolder } from './support/paths.ts'
import { expectTool, findTool, runTool } from './support/tool.ts'

const script = join(deployFolder, 'scripts/secret-to-env')
const secretCount = 100

const single = '"\'`\\$#=&%@:/?[]{}()!*;|<>~ \n\r\t\u0000\u007f\u2028\ufeffaZ0'.split('')
const longer = ['é', '鍵', '😀', '$(id)', '${HOME}', '\\n', '%41', '#{x}']
const hostile = fc.string({ unit: fc.constantFrom(...single, ...longer) })
const settings = fc.dictionary(
  fc.stringMatching(/^[A-Z][A-Z0-9_]{0,12}$/),
  fc.oneof(hostile, fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean()),
  { minKeys: 1, maxKeys: 6 },
)
const database = fc.record({
  username: hostile,
  password: hostile,
  host: fc.constantFrom('db.internal', '10.0.0.1', '[fd00::1]'),
  port: fc.constantFrom(5432, '6432'),
  dbname: fc.constantFrom('bank', 'bank_2'),
  engine: fc.constant('postgres'),
})
const secret = fc.oneof(
  settings,
  database,
  fc.tuple(settings, database).map(([some, more]) => ({ ...some, ...more })),
)

/** Refused by both, and a file that is there stays as it was. */
const badSecrets = [
  '',
  'no JSON',
  '[]',
  '{"password":"s3cret"}',
  '{"KEY":{"a":"s3cret"}}',
  '{"KEY":null}',
  '{"username":"a","password":"s3cret","host":"h"}',
  '{"username":"a","password":"s3cret","host":"h@h","dbname":"b"}',
  '{"username":"a","password":"s3cret","host":"h","dbname":"b/c"}',
  '{"username":"a","password":null,"host":"h","dbname":"b"}',
]

export const check: Check = {
  name: 'secret-to-env',
  async run() {
    if (findTool('jq') === undefined) {
      return { kind: 'skipped', tool: 'jq', reason: 'no jq here: apt-get install jq' }
    }
    const version = (await expectTool('jq', ['--version'])).trim().replace('-', ' ')
    const problems = [
      ...(await findRoundTripProblems()),
      ...(await findRefusalProblems()),
      ...(await findFileProblems()),
    ]
    return judge(version, problems, `${secretCount} hostile secrets, ${badSecrets.length} bad ones`)
  },
}

async function findRoundTripProblems(): Promise<string[]> {
  const problems: string[] = []
  for (const value of fc.sample(secret, secretCount)) {
    const input = JSON.stringify(value)
    const expected = parseSecret(input)
    const { exitCode, output, complaints } = await runTool(script, [], { input })
    const { entries, problems: unread } = parseAppEnv(output)
    const found = Object.fromEntries(entries.map((entry) => [entry.key, entry.value]))
    const wanted = 'values' in expected ? expected.values : {}
    if (exitCode !== 0 || unread.length > 0 || !isSame(found, wanted)) {
      problems.push(`${input} became ${output}${complaints}`)
    }
  }
  return problems
}

function isSame(found: Record<string, string>, wanted: Record<string, string>): boolean {
  const keys = Object.keys(wanted)
  return (
    keys.length === Object.keys(found).length && keys.every((key) => found[key] === wanted[key])
  )
}

async function findRefusalProblems(): Promise<string[]> {
  const problems: string[] = []
  for (const input of badSecrets) {
    const { exitCode, output, complaints } = await runTool(script, [], { input })
    if (exitCode !== 1 || output !== '') problems.push(`${input} was not refused: ${output}`)
    if (complaints.includes('s3cret')) problems.push(`the complaint of ${input} shows its value`)
    if (!('problem' in parseSecret(input))) problems.push(`the server does not refuse ${input}`)
  }
  return problems
}

async function findFileProblems(): Promise<string[]> {
  const folder = await createTestFolder()
  try {
    const file = join(folder.path, 'app.env')
    writeFileSync(file, 'OLD=1\n', { mode: 0o644 })
    await runTool(script, [file], { input: '{"a":1}' })
    const kept = readFileSync(file, 'utf8')
    await expectTool(script, [file], { input: '{"NEW":"2"}' })
    const owner = { username: 'o', password: 'p', host: 'h', dbname: 'b' }
    const words = ['--as', 'MIGRATION_DATABASE_URL', '--append', file]
    await expectTool(script, words, { input: JSON.stringify(owner) })
    const mode = statSync(file).mode & 0o777
    const keys = parseAppEnv(readFileSync(file, 'utf8')).entries.map(({ key }) => key)
    return [
      ...(kept === 'OLD=1\n' ? [] : ['a bad secret changed the file']),
      ...(mode === 0o600 ? [] : [`the file has the mode ${mode.toString(8)}`]),
      ...(keys.join() === 'NEW,MIGRATION_DATABASE_URL' ? [] : [`the file has ${keys.join()}`]),
    ]
  } finally {
    await folder.remove()
  }
}
