/**
 * The network: a VPC with public, private and isolated subnets in every zone, and the load balancer
 * with an Elastic IP in each zone, so that the domain has addresses that stay for as long as this
 * stack does. It passes TCP on: TLS ends at the ingress controller, which a TargetGroupBinding
 * (manifests/target-group-bindings.yaml) registers here.
 */
import {
  aws_ec2 as ec2,
  aws_elasticloadbalancingv2 as elb,
  aws_iam as iam,
  aws_kms as kms,
  aws_logs as logs,
  Fn,
  RemovalPolicy,
  Tags,
  type App,
  type Stack,
} from 'aws-cdk-lib'
import { acknowledge } from './acknowledge.ts'
import { grantLogs } from './log-key.ts'
import { clusterName, stackName } from './names.ts'
import { giveRights } from './policies.ts'
import type { Settings } from './settings.ts'
import { makeOutputs, makeStack } from './stack.ts'

export interface Network {
  vpc: ec2.Vpc
  /** What the load balancer comes from, for the rules of the nodes. */
  edge: ec2.SecurityGroup
  loadBalancer: elb.NetworkLoadBalancer
}

/** Within 10.0.0.0/8, which TRUSTED_PROXIES and the network policies of deploy/kubernetes name. */
export const vpcNetwork = '10.20.0.0/16'

export function createNetwork(app: App, settings: Settings): Network {
  const stack = makeStack(app, stackName(settings, 'network'), settings, 'Network and addresses')
  const vpc = new ec2.Vpc(stack, 'Vpc', {
    ipAddresses: ec2.IpAddresses.cidr(vpcNetwork),
    availabilityZones: settings.availabilityZones,
    natGateways: settings.profile.natGatewayCount,
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [
      {
        name: 'public',
        subnetType: ec2.SubnetType.PUBLIC,
        cidrMask: 24,
        mapPublicIpOnLaunch: false,
      },
      { name: 'private', subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 19 },
      { name: 'data', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
    ],
    gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
  })
  logFlows(stack, vpc, settings)
  acknowledge(vpc, {
    'PCI.DSS.321-VPCNoUnrestrictedRouteToIGW':
      'Of the public subnets: only the load balancer and the NAT gateways are in them.',
    'CloudFormation-Validate::W3010': 'Zones are a setting: what they are is not looked up.',
    'PCI.DSS.321-VPCDefaultSecurityGroupClosed':
      'Nothing is in that group, and deploy/verify holds it; CloudFormation cannot close it.',
  })
  const addresses = settings.availabilityZones.map((zone) => {
    const address = new ec2.CfnEIP(stack, `Address${zone.slice(-1).toUpperCase()}`, {
      domain: 'vpc',
    })
    Tags.of(address).add('Name', `${stack.stackName}-${zone}`)
    return address
  })
  const edge = new ec2.SecurityGroup(stack, 'Edge', {
    vpc,
    description: 'From the internet to the load balancer',
    allowAllOutbound: false,
  })
  const loadBalancer = new elb.NetworkLoadBalancer(stack, 'LoadBalancer', {
    vpc,
    internetFacing: true,
    crossZoneEnabled: true,
    deletionProtection: settings.profileName === 'production',
    securityGroups: [edge],
    subnetMappings: vpc.publicSubnets.map((subnet, index) => ({
      subnet,
      ...allocationOf(addresses[index]),
    })),
  })
  const groups = [80, 443].map((port) => {
    edge.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(port), 'Everybody')
    edge.addEgressRule(ec2.Peer.ipv4(vpcNetwork), ec2.Port.tcp(port), 'The ingress controller')
    return addPort(stack, vpc, loadBalancer, port, settings)
  })
  edge.addEgressRule(ec2.Peer.ipv4(vpcNetwork), ec2.Port.tcp(readyPort), 'Its readiness')
  acknowledge(edge, {
    'AwsSolutions-EC23': 'A public API is reached from everywhere, on 80 and 443 only.',
    'PCI.DSS.321-EC2RestrictedCommonPorts': 'Port 80 answers with the way to HTTPS.',
  })
  acknowledge(loadBalancer, {
    'AwsSolutions-ELB2':
      'A load balancer that passes TCP on writes no access log; flow logs and the ingress do.',
    'PCI.DSS.321-ELBLoggingEnabled':
      'A load balancer that passes TCP on writes no access log; flow logs and the ingress do.',
    'PCI.DSS.321-ELBv2ACMCertificateRequired':
      'TLS ends at the ingress controller, with certificates of cert-manager.',
  })
  makeOutputs(stack, {
    VpcId: vpc.vpcId,
    PublicAddresses: Fn.join(
      ',',
      addresses.map((address) => address.attrPublicIp),
    ),
    LoadBalancerName: loadBalancer.loadBalancerDnsName,
    HttpTargetGroup: groups[0]?.targetGroupArn ?? '',
    HttpsTargetGroup: groups[1]?.targetGroupArn ?? '',
  })
  return { vpc, edge, loadBalancer }
}

/** Where F5's controller says that it is ready: /nginx-ready. */
export const readyPort = 8081

function allocationOf(address?: ec2.CfnEIP): { allocationId: string } {
  if (address === undefined) throw new Error('there are more subnets than addresses')
  return { allocationId: address.attrAllocationId }
}

function addPort(
  stack: Stack,
  vpc: ec2.Vpc,
  loadBalancer: elb.NetworkLoadBalancer,
  port: number,
  settings: Settings,
): elb.NetworkTargetGroup {
  const group = new elb.NetworkTargetGroup(stack, `Targets${port}`, {
    vpc,
    port,
    protocol: elb.Protocol.TCP,
    targetType: elb.TargetType.IP,
    // The bank sees who calls: its limits are by address.
    preserveClientIp: true,
    connectionTermination: false,
    healthCheck: { protocol: elb.Protocol.HTTP, port: String(readyPort), path: '/nginx-ready' },
  })
  // Auto Mode may register pods in groups with this tag only.
  Tags.of(group).add('eks:eks-cluster-name', clusterName(settings))
  const listener = loadBalancer.addListener(`Port${port}`, {
    port,
    protocol: elb.Protocol.TCP,
    defaultTargetGroups: [group],
  })
  acknowledge(listener, {
    'PCI.DSS.321-ELBv2ACMCertificateRequired':
      'TLS ends at the ingress controller, with certificates of cert-manager.',
  })
  return group
}

function logFlows(stack: Stack, vpc: ec2.Vpc, settings: Settings): void {
  const key = new kms.Key(stack, 'LogKey', {
    description: 'Flow logs',
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  grantLogs(key, settings)
  const logGroup = new logs.LogGroup(stack, 'FlowLogs', {
    encryptionKey: key,
    retention: settings.profile.logDays,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  vpc.addFlowLog('FlowLog', {
    destination: ec2.FlowLogDestination.toCloudWatchLogs(logGroup, makeFlowRole(stack, logGroup)),
    trafficType: ec2.FlowLogTrafficType.ALL,
  })
}

function makeFlowRole(stack: Stack, logGroup: logs.LogGroup): iam.IRole {
  const role = new iam.Role(stack, 'FlowRole', {
    description: 'Flow logs: write into one log group',
    assumedBy: new iam.ServicePrincipal('vpc-flow-logs.amazonaws.com'),
  })
  giveRights(stack, 'FlowRights', role, [
    {
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents', 'logs:DescribeLogStreams'],
      resources: [logGroup.logGroupArn],
    },
  ])
  // The flow log would write the same rights into the role itself.
  return role.withoutPolicyUpdates()
}
