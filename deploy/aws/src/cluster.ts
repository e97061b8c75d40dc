/**
 * The cluster: EKS 1.36 in Auto Mode, which brings nodes, the network, load balancing, storage and the
 * agent of Pod Identity. Access is by access entries; there is no aws-auth. Manifests are applied with
 * kubectl, so that nothing here needs a Lambda function with the rights of an administrator.
 */
import {
  aws_ec2 as ec2,
  aws_eks as eksResources,
  aws_eks_v2 as eks,
  aws_iam as iam,
  aws_kms as kms,
  RemovalPolicy,
  type App,
  type Stack,
} from 'aws-cdk-lib'
import { acknowledge } from './acknowledge.ts'
import { postgresPort, type Data } from './data.ts'
import { bank, clusterName, stackName } from './names.ts'
import { readyPort, type Network } from './network.ts'
import { giveRights } from './policies.ts'
import type { Settings } from './settings.ts'
import { makeOutputs, makeStack } from './stack.ts'

export interface Cluster {
  name: string
  arn: string
  stack: Stack
}

/** Settings, network and data come first: the order in which the stacks are deployed. */
export function createCluster(app: App, settings: Settings, network: Network, data: Data): Cluster {
  const stack = makeStack(app, stackName(settings, 'cluster'), settings, 'Kubernetes')
  const cluster = makeCluster(stack, settings, network)
  openPorts(stack, cluster, network, data)
  for (const [index, roleArn] of settings.adminRoleArns.entries()) {
    makeAdmin(stack, `Admin${index}`, cluster, roleArn)
  }
  // The autoscaler of the bank reads the CPU from it.
  new eksResources.CfnAddon(stack, 'MetricsServer', {
    addonName: 'metrics-server',
    clusterName: cluster.clusterName,
    resolveConflicts: 'OVERWRITE',
  })
  const bankRole = makePodRole(stack, 'BankRole', cluster.clusterName, {
    ...bank,
    description: 'The pods of the bank: read its secrets',
  })
  letReadSecrets(stack, bankRole, settings, data)
  makeOutputs(stack, {
    ClusterName: cluster.clusterName,
    ClusterEndpoint: cluster.clusterEndpoint,
    BankRole: bankRole.roleArn,
  })
  return { name: cluster.clusterName, arn: cluster.clusterArn, stack }
}

/** By the role alone: a grant would name the role in the key's stack, which comes before this one. */
function letReadSecrets(stack: Stack, role: iam.Role, settings: Settings, data: Data): void {
  giveRights(stack, 'BankRights', role, [
    {
      actions: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
      resources: data.serverSecretArns,
    },
    {
      actions: ['kms:Decrypt'],
      resources: [data.keyArn],
      conditions: {
        StringEquals: { 'kms:ViaService': `secretsmanager.${settings.region}.amazonaws.com` },
      },
    },
  ])
}

function makeCluster(stack: Stack, settings: Settings, network: Network): eks.Cluster {
  const secretsKey = new kms.Key(stack, 'Key', {
    description: 'Secrets of Kubernetes',
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN,
  })
  const { apiNetworks, profile } = settings
  const all = Object.values(eks.ClusterLoggingTypes)
  const cluster = new eks.Cluster(stack, 'Cluster', {
    clusterName: clusterName(settings),
    version: eks.KubernetesVersion.V1_36,
    defaultCapacityType: eks.DefaultCapacityType.AUTOMODE,
    compute: { nodePools: ['system', 'general-purpose'], nodeRole: makeNodeRole(stack) },
    vpc: network.vpc,
    vpcSubnets: [{ subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS }],
    endpointAccess: eks.EndpointAccess.PUBLIC_AND_PRIVATE.onlyFrom(...apiNetworks),
    bootstrapClusterCreatorAdminPermissions: false,
    secretsEncryptionKey: secretsKey,
    clusterLogging: profile.controlPlaneLogs === 'all' ? all : [eks.ClusterLoggingTypes.AUDIT],
    removalPolicy: RemovalPolicy.DESTROY,
  })
  acknowledge(cluster, {
    'AwsSolutions-EKS1':
      "Workflows run on GitHub's machines: IAM decides who may, apiNetworks from where.",
    ...findingsOfPolicies([
      'AmazonEKSClusterPolicy',
      'AmazonEKSComputePolicy',
      'AmazonEKSBlockStoragePolicy',
      'AmazonEKSLoadBalancingPolicy',
      'AmazonEKSNetworkingPolicy',
    ]),
    'CloudFormation-Validate::W9009': 'The construct writes this member of the encryption.',
    ...(profile.controlPlaneLogs === 'all'
      ? {}
      : findingsOfLogs(['api', 'authenticator', 'controllerManager', 'scheduler'])),
  })
  return cluster
}

/** Nodes pull images and join: what pods may do comes by Pod Identity. */
function makeNodeRole(stack: Stack): iam.Role {
  const policies = ['AmazonEKSWorkerNodeMinimalPolicy', 'AmazonEC2ContainerRegistryPullOnly']
  const role = new iam.Role(stack, 'NodeRole', {
    description: 'The nodes of Auto Mode',
    assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
    managedPolicies: policies.map((name) => iam.ManagedPolicy.fromAwsManagedPolicyName(name)),
  })
  acknowledge(role, findingsOfPolicies(policies))
  return role
}

function findingsOfPolicies(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => [
      `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${name}]`,
      'Auto Mode asks for this policy, and AWS keeps it up to date with what it does.',
    ]),
  )
}

function findingsOfLogs(missing: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    missing.map((name) => [
      `AwsSolutions-EKS2[LogExport::${name}]`,
      'The profile `small` keeps the audit log only: the others cost more than its database.',
    ]),
  )
}

/** Nodes and pods of Auto Mode have the security group of the cluster. */
function openPorts(stack: Stack, cluster: eks.Cluster, network: Network, data: Data): void {
  const pods = cluster.clusterSecurityGroupId
  new ec2.CfnSecurityGroupIngress(stack, 'DatabaseFromPods', {
    groupId: data.securityGroup.securityGroupId,
    sourceSecurityGroupId: pods,
    ipProtocol: 'tcp',
    fromPort: postgresPort,
    toPort: postgresPort,
    description: 'PostgreSQL from the pods',
  })
  for (const port of [80, 443, readyPort]) {
    new ec2.CfnSecurityGroupIngress(stack, `Edge${port}`, {
      groupId: pods,
      sourceSecurityGroupId: network.edge.securityGroupId,
      ipProtocol: 'tcp',
      fromPort: port,
      toPort: port,
      description: 'The ingress controller from the load balancer',
    })
  }
}

function makeAdmin(stack: Stack, id: string, cluster: eks.Cluster, roleArn: string): void {
  new eksResources.CfnAccessEntry(stack, id, {
    clusterName: cluster.clusterName,
    principalArn: roleArn,
    accessPolicies: [
      {
        policyArn: 'arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy',
        accessScope: { type: 'cluster' },
      },
    ],
  })
}

/** A role that the pods of one service account of one cluster have, by Pod Identity. */
export function makePodRole(
  stack: Stack,
  id: string,
  cluster: string,
  options: { namespace: string; serviceAccount: string; description: string },
): iam.Role {
  const role = new iam.Role(stack, id, {
    description: options.description,
    assumedBy: new iam.ServicePrincipal('pods.eks.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
    }),
  })
  role.assumeRolePolicy?.addStatements(
    new iam.PolicyStatement({
      actions: ['sts:TagSession'],
      principals: [new iam.ServicePrincipal('pods.eks.amazonaws.com')],
      conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
    }),
  )
  new eksResources.CfnPodIdentityAssociation(stack, `${id}Association`, {
    clusterName: cluster,
    namespace: options.namespace,
    serviceAccount: options.serviceAccount,
    roleArn: role.roleArn,
  })
  return role
}
