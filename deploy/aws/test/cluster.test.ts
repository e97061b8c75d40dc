/** The cluster: Auto Mode, access entries, and rights that are no larger than their use. */
import { Match } from 'aws-cdk-lib/assertions'
import { describe, expect, test } from 'vitest'
import { environments, makeApp, resourcesOf, shippedSettings, templateOf } from './support.ts'

describe.each(environments)('%s', (environment) => {
  const settings = shippedSettings(environment)
  const app = makeApp(settings)
  const template = templateOf(app, 'cluster')

  test('EKS 1.36 in Auto Mode, with encrypted secrets and the audit log', () => {
    template.hasResourceProperties('AWS::EKS::Cluster', {
      Name: `tallystick-${environment}`,
      Version: '1.36',
      ComputeConfig: { Enabled: true, NodePools: ['system', 'general-purpose'] },
      KubernetesNetworkConfig: { ElasticLoadBalancing: { Enabled: true } },
      StorageConfig: { BlockStorage: { Enabled: true } },
      EncryptionConfig: [{ Resources: ['secrets'] }],
      Logging: { ClusterLogging: { EnabledTypes: Match.arrayWith([{ Type: 'audit' }]) } },
    })
  })

  test('access is by entries for those who are named; who made the cluster has none', () => {
    template.hasResourceProperties('AWS::EKS::Cluster', {
      AccessConfig: { AuthenticationMode: 'API', BootstrapClusterCreatorAdminPermissions: false },
      ResourcesVpcConfig: { PublicAccessCidrs: settings.apiNetworks, EndpointPrivateAccess: true },
    })
    const entries = Object.values(resourcesOf(template, 'AWS::EKS::AccessEntry'))
    expect(entries.map(({ Properties }) => Properties['PrincipalArn'])).toEqual(
      settings.adminRoleArns,
    )
  })

  test('the database is open to the pods, the pods to the load balancer, each on its ports', () => {
    const rules = Object.values(resourcesOf(template, 'AWS::EC2::SecurityGroupIngress'))
    const ports = rules.map(({ Properties }) => Properties['FromPort'])
    expect(new Set(ports)).toEqual(new Set([80, 443, 5432, 8081]))
    for (const { Properties } of rules) {
      expect(Properties).toHaveProperty('SourceSecurityGroupId')
      expect(Properties).not.toHaveProperty('CidrIp')
    }
  })

  test("the bank's pods may read the server's two secrets, and not the owner's", () => {
    template.hasResourceProperties('AWS::EKS::PodIdentityAssociation', {
      Namespace: 'tallystick',
      ServiceAccount: 'tallystick',
    })
    const [policy] = Object.values(resourcesOf(template, 'AWS::IAM::ManagedPolicy'))
    const text = JSON.stringify(policy?.Properties)
    expect(text).toContain('ServerSecret')
    expect(text).toContain('SettingsSecret')
    expect(text).not.toContain('DatabaseSecret')
    expect(text).not.toContain('"*"')
    expect(text).toContain(`"kms:ViaService":"secretsmanager.${settings.region}.amazonaws.com"`)
  })

  test('a role of pods is for this account, and may tag its session as Pod Identity does', () => {
    for (const part of ['cluster', 'dns']) {
      const roles = Object.values(resourcesOf(templateOf(app, part), 'AWS::IAM::Role')).filter(
        ({ Properties }) => JSON.stringify(Properties).includes('pods.eks.amazonaws.com'),
      )
      expect(roles.length).toBeGreaterThan(0)
      for (const { Properties } of roles) {
        const text = JSON.stringify(Properties['AssumeRolePolicyDocument'])
        expect(text).toContain('sts:TagSession')
        expect(text).toContain(`"aws:SourceAccount":"${settings.account}"`)
      }
    }
  })

  test('the autoscaler has its metrics', () => {
    template.hasResourceProperties('AWS::EKS::Addon', { AddonName: 'metrics-server' })
  })
})
