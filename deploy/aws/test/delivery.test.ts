/** Who may push, release and deploy: one environment of one repository each, without a key. */
import { Template } from 'aws-cdk-lib/assertions'
import { describe, expect, test } from 'vitest'
import { githubSubject } from '../src/github.ts'
import {
  asRecord,
  environments,
  makeApp,
  resourcesOf,
  shippedSettings,
  stackOf,
  stacksOf,
  templateOf,
} from './support.ts'

const host = 'token.actions.githubusercontent.com'

test('the subject names the numbers of owner and repository, or not when it is old', () => {
  const github = {
    owner: 'example',
    ownerId: '1000001',
    repository: 'tallystick',
    repositoryId: '2000002',
    legacySubject: false,
    providerExists: false,
  }
  expect(githubSubject(github, 'staging')).toBe(
    'repo:example@1000001/tallystick@2000002:environment:staging',
  )
  expect(githubSubject({ ...github, legacySubject: true }, 'staging')).toBe(
    'repo:example/tallystick:environment:staging',
  )
})

describe.each(environments)('%s', (environment) => {
  const app = makeApp(shippedSettings(environment))

  test('each role of a workflow trusts exactly one subject', () => {
    const found = ['registry', 'delivery'].flatMap((part) => {
      const roles = Object.entries(resourcesOf(templateOf(app, part), 'AWS::IAM::Role'))
      return roles.map(([name, { Properties }]) => {
        const statements = asRecord(Properties['AssumeRolePolicyDocument'])['Statement']
        expect(statements).toHaveLength(1)
        const [statement] = Array.isArray(statements) ? statements.map(asRecord) : []
        expect(statement?.['Action']).toBe('sts:AssumeRoleWithWebIdentity')
        const equals = asRecord(asRecord(statement?.['Condition'])['StringEquals'])
        expect(equals[`${host}:aud`]).toBe('sts.amazonaws.com')
        return [name.replace(/[0-9A-F]{8}$/, ''), String(equals[`${host}:sub`]).split(':').at(-1)]
      })
    })
    expect(found).toEqual([
      ['ImageRole', 'registry'],
      ['DeployRole', environment],
      ['InfraRole', `infra-${environment}`],
    ])
  })

  test('a release has the rights of a group of Kubernetes and none of EKS', () => {
    const template = templateOf(app, 'delivery')
    template.hasResourceProperties('AWS::EKS::AccessEntry', {
      KubernetesGroups: ['tallystick-deployers'],
    })
    const [entry] = Object.values(resourcesOf(template, 'AWS::EKS::AccessEntry'))
    expect(entry?.Properties).not.toHaveProperty('AccessPolicies')
    const policies = Object.values(resourcesOf(template, 'AWS::IAM::ManagedPolicy'))
    const actions = policies.map(({ Properties }) => {
      const statements = asRecord(Properties['PolicyDocument'])['Statement']
      return Array.isArray(statements) ? statements.map((item) => asRecord(item)['Action']) : []
    })
    expect(actions).toEqual([['eks:DescribeCluster'], ['sts:AssumeRole']])
  })

  test('images cannot be overwritten, are scanned, and survive their stack', () => {
    const template = templateOf(app, 'registry')
    template.hasResource('AWS::ECR::Repository', {
      DeletionPolicy: 'Retain',
      Properties: {
        RepositoryName: 'tallystick',
        ImageTagMutability: 'IMMUTABLE',
        ImageScanningConfiguration: { ScanOnPush: true },
      },
    })
  })

  test('controllers write to one zone; cert-manager writes nothing but challenges', () => {
    const template = templateOf(app, 'dns')
    const policies = resourcesOf(template, 'AWS::IAM::ManagedPolicy')
    for (const { Properties } of Object.values(policies)) {
      const list = asRecord(Properties['PolicyDocument'])['Statement']
      const statements = Array.isArray(list) ? list.map(asRecord) : []
      const change = statements.find((statement) =>
        JSON.stringify(statement['Action']).includes('ChangeResourceRecordSets'),
      )
      expect(JSON.stringify(change?.['Resource'])).toContain('hostedzone/')
    }
    const text = JSON.stringify(
      Object.entries(policies).filter(([name]) => name.startsWith('CertM')),
    )
    expect(text).toContain('"_acme-challenge.*"')
    template.hasResourceProperties('AWS::Route53::HostedZone', {
      Name: `${shippedSettings(environment).zoneName}.`,
    })
    template.hasResource('AWS::Route53::HostedZone', { DeletionPolicy: 'Retain' })
  })

  test('no policy allows every action, and no user or access key is made', () => {
    for (const stack of stacksOf(app)) {
      const template = Template.fromStack(stack)
      template.resourceCountIs('AWS::IAM::User', 0)
      template.resourceCountIs('AWS::IAM::AccessKey', 0)
      const policies = Object.values(resourcesOf(template, 'AWS::IAM::ManagedPolicy'))
      for (const { Properties } of policies) {
        expect(JSON.stringify(Properties)).not.toMatch(/"Action":"[^"]*\*"/)
      }
    }
  })
})

test('an account that has the provider of GitHub gets no second one', () => {
  const settings = shippedSettings('staging')
  const app = makeApp({ ...settings, github: { ...settings.github, providerExists: true } })
  const template = Template.fromStack(stackOf(app, 'registry'))
  template.resourceCountIs('AWS::IAM::OIDCProvider', 0)
  template.resourceCountIs('AWS::IAM::Role', 1)
})

test('other accounts pull when they are named, and nobody else does', () => {
  const settings = shippedSettings('staging')
  const closed = { ...settings, pullAccounts: [] }
  const named = makeApp({ ...settings, pullAccounts: ['444455556666'] })
  const [repository] = Object.values(
    resourcesOf(templateOf(named, 'registry'), 'AWS::ECR::Repository'),
  )
  expect(JSON.stringify(repository?.Properties['RepositoryPolicyText'])).toContain('444455556666')
  const [alone] = Object.values(
    resourcesOf(templateOf(makeApp(closed), 'registry'), 'AWS::ECR::Repository'),
  )
  expect(alone?.Properties).not.toHaveProperty('RepositoryPolicyText')
})
