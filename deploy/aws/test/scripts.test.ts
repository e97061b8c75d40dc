/**
 * The scripts of an operator, with stand-ins for the commands that they call: each answers by the
 * words that it is called with, from a table that a test may change.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { packageFolder } from './support.ts'

const verify = join(packageFolder, '../verify')
const outputs: Record<string, string> = {
  ApiName: 'api.example.com',
  NameServers: 'ns-1.example.net,ns-2.example.net',
  PublicAddresses: '192.0.2.1,192.0.2.2',
  HttpTargetGroup: 'arn:http',
  HttpsTargetGroup: 'arn:https',
  VpcId: 'vpc-1',
  BankRole: 'arn:bank',
  DeployRole: 'arn:deploy',
  ServerSecret: 'tallystick/production/server',
  OwnerSecret: 'tallystick/production/owner',
  DatabaseHost: 'database.example.com',
}
/** For each command: a pattern of sh over its words, and what it then prints. */
type Answers = Record<string, readonly (readonly [pattern: string, answer: string])[]>

const good: Answers = {
  aws: [
    ...Object.entries(outputs).map(([name, value]) => [`*"=='${name}'"*`, value] as const),
    ['*StackStatus*', 'UPDATE_COMPLETE'],
    ['*DBInstanceStatus*', 'available'],
    ['*PubliclyAccessible*', 'False'],
    ['*LatestRestorableTime*', '2026-11-22T12:00:00+00:00'],
    ['rds*', 'True'],
    ['*cluster.\\[status*', 'ACTIVE\t1.36'],
    ['*target-health*', '2'],
    ['*network-interfaces*', '0'],
    ['*describe-secret*server*', 'arn:server'],
    ['*describe-secret*owner*', 'arn:owner'],
    ['*simulate*arn:bank*arn:server*', 'allowed'],
    ['*simulate*', 'implicitDeny'],
    ['*get-secret-value*owner*', `{"username":"tallystick_owner","password":"owner-word"}`],
    ['*get-secret-value*server*', `{"username":"tallystick","password":"it's-\\\\-server"}`],
  ],
  dig: [
    ['*NS*', 'ns-2.example.net.\nns-1.example.net.'],
    ['*', '192.0.2.2\n192.0.2.1'],
  ],
  curl: [
    ['*redirect_url*', 'https://api.example.com/livez'],
    ['*--head*', 'HTTP/2 200\nstrict-transport-security: max-age=31536000'],
    ['*/metrics*', '404'],
    ['*/v1/accounts*', '401'],
    ['*', '200'],
  ],
  openssl: [['*', 'certificate']],
  kubectl: [
    ['*readyReplicas*', '2'],
    ['*nodeName*', 'node-1\nnode-2'],
    ['*tallystick-verify*', 'closed'],
    ['*make-server-login*', 'the login tallystick is there'],
  ],
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tallystick-operator-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function run(file: string, words: readonly string[], changes: Answers = {}) {
  for (const [command, answers] of Object.entries(good)) {
    const cases = [...(changes[command] ?? []), ...answers].map(
      ([pattern, answer]) => `  ${pattern}) printf '%s\\n' ${quote(answer)} ;;`,
    )
    // What kubectl is told on its standard input and in its words is kept for the test.
    const keep =
      command === 'kubectl' ? `cat >${folder}/input; printf '%s\\n' "$@" >${folder}/words` : ':'
    const path = join(folder, command)
    const fail = `  *) echo "${command}: no answer to $*" >&2; exit 9 ;;`
    writeFileSync(path, `#!/bin/sh\n${keep}\ncase "$*" in\n${cases.join('\n')}\n${fail}\nesac\n`)
    chmodSync(path, 0o755)
  }
  return spawnSync(file, words, {
    encoding: 'utf8',
    input: '',
    env: { PATH: `${folder}:/usr/bin:/bin` },
  })
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

test('verify finds nothing wrong with a deployment that is as it should be', () => {
  const { status, stdout, stderr } = run(verify, ['production'])
  expect(stderr).toBe('')
  expect(stdout).not.toContain('FAILED')
  expect(stdout).toContain('verify: production is as it should be')
  expect(status).toBe(0)
})

test.each([
  ['aws', '*StackStatus*', 'ROLLBACK_COMPLETE', 'the stack tallystick-registry'],
  ['dig', '*NS*', 'ns-9.example.net.', 'the registrar leads to the zone example.com'],
  ['dig', '*" A "*', '203.0.113.9', 'api.example.com has the Elastic IPs'],
  ['curl', '*redirect_url*', '', 'HTTP leads to HTTPS'],
  ['curl', '*/readyz*', '503', 'the bank is ready'],
  ['curl', '*/metrics*', '200', 'its metrics are not public'],
  ['curl', '*--head*', 'HTTP/2 200', 'browsers are told to stay on HTTPS'],
  ['aws', '*PubliclyAccessible*', 'True', 'the database is not public'],
  ['aws', '*MultiAZ*', 'False', 'the database has the standby'],
  ['aws', '*LatestRestorableTime*', 'None', 'the database can be restored'],
  ['aws', '*target-health*', '1', 'the load balancer has healthy targets'],
  ['aws', '*network-interfaces*', '3', "nothing is in the VPC's default security group"],
  ['aws', '*simulate*arn:bank*arn:owner*', 'allowed', "does not read the owner's secret"],
  ['aws', '*simulate*arn:deploy*', 'allowed', 'a release reads no secret'],
  ['kubectl', '*nodeName*', 'node-1\nnode-1', 'they are on two nodes'],
  ['kubectl', '*tallystick-verify*', 'open', 'a pod of another namespace'],
])('verify says so when %s answers %s with %j', (command, pattern, answer, title) => {
  const { status, stdout } = run(verify, ['production'], { [command]: [[pattern, answer]] })
  const failed = stdout.split('\n').filter((line) => line.startsWith('FAILED'))
  expect(failed.length).toBeGreaterThan(0)
  expect(failed[0]).toContain(title)
  expect(status).toBe(1)
})

test('verify trusts a certificate of nobody only when it is told to', () => {
  const changes = { curl: [['*--insecure*', '']] } as const
  expect(run(verify, ['production'], changes).status).toBe(0)
  expect(run(verify, ['production', '--untrusted'], changes).status).toBe(1)
  expect(run(verify, ['elsewhere']).status).toBe(2)
})

test('the target group bindings name both groups and the ports of the controller', () => {
  const script = join(packageFolder, 'scripts/target-group-bindings.sh')
  const { stdout, status } = run(script, ['staging'])
  expect(status).toBe(0)
  expect(stdout).toMatch(/port: 80\n {2}targetType: ip\n {2}targetGroupARN: arn:http\n/)
  expect(stdout).toMatch(/port: 443\n {2}targetType: ip\n {2}targetGroupARN: arn:https\n/)
})

test('an output that is not there is an error', () => {
  const script = join(packageFolder, 'scripts/output.sh')
  const { status, stderr } = run(script, ['staging', 'dns', 'Nothing'], {
    aws: [['*Nothing*', '']],
  })
  expect(stderr).toContain('tallystick-staging-dns has no output Nothing')
  expect(status).toBe(1)
})

test("the server's login is made without a password in any argument", () => {
  const script = join(packageFolder, 'scripts/make-server-login.sh')
  const { status, stderr } = run(script, ['staging'])
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const words = readFileSync(join(folder, 'words'), 'utf8')
  expect(words).not.toContain('owner-word')
  expect(words).not.toContain("it's")
  expect(words).toContain('verify-full')
  const [password, ...statements] = readFileSync(join(folder, 'input'), 'utf8').split('\n')
  expect(password).toBe('owner-word')
  // As psql reads it: the quote doubled, the backslash escaped.
  expect(statements[0]).toBe(String.raw`\set server_password 'it''s-\\-server'`)
  expect(statements[1]).toBe(String.raw`\set server_login tallystick`)
})

test.each(['', 'a b', 'x;drop role tallystick_owner', "it's", null])(
  'nothing is sent for a secret whose username is %j',
  (username) => {
    const secret = JSON.stringify({ username, password: 'word' })
    const script = join(packageFolder, 'scripts/make-server-login.sh')
    const { status } = run(script, ['staging'], { aws: [['*get-secret-value*server*', secret]] })
    expect(status).not.toBe(0)
    expect(existsSync(join(folder, 'input'))).toBe(false)
  },
)

test('nothing is sent when a secret cannot be read', () => {
  const script = join(packageFolder, 'scripts/make-server-login.sh')
  const { status } = run(script, ['staging'], { aws: [['*get-secret-value*server*', '{}']] })
  expect(status).not.toBe(0)
  expect(existsSync(join(folder, 'input'))).toBe(false)
})
