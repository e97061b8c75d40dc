/** The network: fixed addresses, nothing open but 80 and 443, a zone that fails takes no other along. */
import { Match } from 'aws-cdk-lib/assertions'
import { describe, expect, test } from 'vitest'
import { environments, makeApp, resourcesOf, shippedSettings, templateOf } from './support.ts'

describe.each(environments)('%s', (environment) => {
  const settings = shippedSettings(environment)
  const template = templateOf(makeApp(settings), 'network')
  const { zoneCount, natGatewayCount } = settings.profile

  test('the load balancer has an Elastic IP in each zone, and the outputs say which', () => {
    const addresses = Object.keys(resourcesOf(template, 'AWS::EC2::EIP')).filter((name) =>
      /^Address[A-Z]$/.test(name),
    )
    expect(addresses).toHaveLength(zoneCount)
    template.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', {
      Type: 'network',
      Scheme: 'internet-facing',
      SubnetMappings: addresses.map((name) => ({
        AllocationId: { 'Fn::GetAtt': [name, 'AllocationId'] },
        SubnetId: Match.anyValue(),
      })),
    })
    const list = addresses.map((name) => ({ 'Fn::GetAtt': [name, 'PublicIp'] }))
    template.hasOutput('PublicAddresses', { Value: { 'Fn::Join': [',', list] } })
    template.hasOutput('LoadBalancerName', {})
  })

  test('it listens on 80 and 443 and passes TCP on with the address of the caller', () => {
    for (const port of [80, 443]) {
      template.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', {
        Port: port,
        Protocol: 'TCP',
      })
    }
    const groups = Object.values(resourcesOf(template, 'AWS::ElasticLoadBalancingV2::TargetGroup'))
    expect(groups).toHaveLength(2)
    for (const { Properties } of groups) {
      expect(Properties).toMatchObject({ TargetType: 'ip', Protocol: 'TCP' })
      expect(Properties['TargetGroupAttributes']).toContainEqual({
        Key: 'preserve_client_ip.enabled',
        Value: 'true',
      })
    }
  })

  test('the controller of the cluster may register pods: both groups have its tag', () => {
    const groups = Object.values(resourcesOf(template, 'AWS::ElasticLoadBalancingV2::TargetGroup'))
    for (const { Properties } of groups) {
      expect(Properties['Tags']).toContainEqual({
        Key: 'eks:eks-cluster-name',
        Value: `tallystick-${environment}`,
      })
    }
  })

  test('the internet reaches 80 and 443 of the load balancer and nothing else', () => {
    const groups = Object.values(resourcesOf(template, 'AWS::EC2::SecurityGroup'))
    const open = groups.flatMap(({ Properties }) => Properties['SecurityGroupIngress'] ?? [])
    expect(open).toEqual(
      [80, 443].map((port) => ({
        CidrIp: '0.0.0.0/0',
        Description: 'Everybody',
        FromPort: port,
        IpProtocol: 'tcp',
        ToPort: port,
      })),
    )
    template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0)
  })

  test('each zone has three subnets, and no subnet hands out public addresses', () => {
    const subnets = Object.values(resourcesOf(template, 'AWS::EC2::Subnet'))
    expect(subnets).toHaveLength(3 * zoneCount)
    for (const { Properties } of subnets) {
      expect(settings.availabilityZones).toContain(Properties['AvailabilityZone'])
      expect(Properties['MapPublicIpOnLaunch']).toBe(false)
    }
    template.resourceCountIs('AWS::EC2::NatGateway', natGatewayCount)
  })

  test('the subnets of the data have no way out', () => {
    const routes = Object.keys(resourcesOf(template, 'AWS::EC2::Route'))
    expect(routes.filter((name) => name.includes('data'))).toEqual([])
  })

  test('all traffic is logged, encrypted', () => {
    template.hasResourceProperties('AWS::EC2::FlowLog', { TrafficType: 'ALL' })
    template.hasResourceProperties('AWS::Logs::LogGroup', { KmsKeyId: Match.anyValue() })
  })
})

test('production keeps its load balancer when somebody deletes it by mistake', () => {
  const template = templateOf(makeApp(shippedSettings('production')), 'network')
  template.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', {
    LoadBalancerAttributes: Match.arrayWith([
      { Key: 'deletion_protection.enabled', Value: 'true' },
    ]),
  })
})
