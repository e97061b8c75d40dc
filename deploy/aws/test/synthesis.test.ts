/** What holds for every stack of every environment: it can be made here, and the rules find nothing. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aws_s3 as s3, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { describe, expect, test } from 'vitest'
import {
  environments,
  makeApp,
  packageFolder,
  shippedSettings,
  stackOf,
  stacksOf,
} from './support.ts'

const parts = ['network', 'data', 'cluster', 'delivery', 'dns']

describe.each(environments)('%s', (environment) => {
  const app = makeApp(shippedSettings(environment))

  test('has its six stacks, all in one account and one region', () => {
    const names = stacksOf(app).map(({ stackName }) => stackName)
    const own = parts.map((part) => `tallystick-${environment}-${part}`)
    expect(names).toEqual(['tallystick-registry', ...own])
    for (const stack of stacksOf(app)) {
      expect(stack.account).toBe(shippedSettings(environment).account)
      expect(stack.region).toBe(shippedSettings(environment).region)
    }
  })

  test('no stack runs code of its own or uploads a file', () => {
    for (const stack of stacksOf(app)) {
      const template = Template.fromStack(stack)
      template.resourceCountIs('AWS::Lambda::Function', 0)
      template.resourceCountIs('AWS::CloudFormation::CustomResource', 0)
      expect(JSON.stringify(template.toJSON())).not.toContain('"Custom::')
    }
  })

  test('no template has a secret, only references to what AWS generates', () => {
    const data = Template.fromStack(stackOf(app, 'data')).toJSON()
    expect(JSON.stringify(data)).not.toMatch(/"(MasterUserPassword|SecretString)":"[^{]/)
  })

  test('the registry is the same stack whichever environment deploys it', () => {
    const { account } = shippedSettings(environment)
    const others = environments.map((name) =>
      Template.fromStack(
        stackOf(makeApp({ ...shippedSettings(name), account }), 'registry'),
      ).toJSON(),
    )
    expect(others[0]).toEqual(others[1])
  })

  test('is synthesised by the command without credentials, and no rule has a finding', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tallystick-cdk-'))
    try {
      const result = synthesise(environment, folder)
      expect(result.stderr).not.toMatch(/ERROR|WARNING/)
      expect(result.status).toBe(0)
      expect(readFileSync(join(folder, 'manifest.json'), 'utf8')).toContain(
        `tallystick-${environment}-cluster`,
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

test('a careless bucket is found by both packs, and nothing is synthesised', () => {
  const app = makeApp(shippedSettings('staging'))
  new s3.CfnBucket(new Stack(app, 'careless'), 'Bucket')
  expect(() => app.synth()).toThrow(/AwsSolutions-S1\b[^]*S3BucketLoggingEnabled/)
})

test('an environment without settings is refused by name', () => {
  expect(() => shippedSettings('../staging')).toThrow('there is no settings/../staging.json')
})

function synthesise(environment: string, folder: string) {
  const cdk = join(packageFolder, 'node_modules/aws-cdk/bin/cdk')
  const words = ['synth', '--quiet', '--no-notices', '--output', folder]
  const context = ['--context', `environment=${environment}`]
  return spawnSync(process.execPath, [cdk, ...words, ...context], {
    cwd: packageFolder,
    encoding: 'utf8',
    // Nobody's credentials, and nothing to ask.
    env: {
      PATH: `${join(process.execPath, '..')}:/usr/bin:/bin`,
      HOME: folder,
      CI: 'true',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  })
}
