/**
 * The roles of the workflows of one environment: one releases into a namespace of the cluster, one
 * deploys this app.
 */
import { aws_eks as eks, type App } from 'aws-cdk-lib'
import { acknowledge } from './acknowledge.ts'
import type { Cluster } from './cluster.ts'
import { makeGithubRole } from './github.ts'
import { deployerGroup, stackName } from './names.ts'
import { giveRights } from './policies.ts'
import type { Settings } from './settings.ts'
import { makeOutputs, makeStack } from './stack.ts'

export function createDelivery(app: App, settings: Settings, cluster: Cluster): void {
  const stack = makeStack(app, stackName(settings, 'delivery'), settings, 'Roles of workflows')
  const deployRole = makeGithubRole(stack, 'DeployRole', settings, {
    githubEnvironment: settings.environment,
    description: 'The workflow `release`: applies manifests',
  })
  giveRights(stack, 'DeployRights', deployRole, [
    { actions: ['eks:DescribeCluster'], resources: [cluster.arn] },
  ])
  // The rights of the group are RBAC: EKS's own policies know no Issuer and no ServiceMonitor.
  new eks.CfnAccessEntry(stack, 'DeployAccess', {
    clusterName: cluster.name,
    principalArn: deployRole.roleArn,
    kubernetesGroups: [deployerGroup],
    username: 'tallystick-deployer',
  })
  const infraRole = makeGithubRole(stack, 'InfraRole', settings, {
    githubEnvironment: `infra-${settings.environment}`,
    description: 'The workflow `infra`: deploys the CDK app with the roles of the bootstrap',
  })
  const bootstrap = `arn:aws:iam::${settings.account}:role/cdk-hnb659fds-*-${settings.account}-${settings.region}`
  const rights = giveRights(stack, 'InfraRights', infraRole, [
    { actions: ['sts:AssumeRole'], resources: [bootstrap] },
  ])
  acknowledge(rights, {
    [`AwsSolutions-IAM5[Resource::${bootstrap}]`]:
      'The roles of one bootstrap in one region; they say what may be done.',
  })
  makeOutputs(stack, { DeployRole: deployRole.roleArn, InfraRole: infraRole.roleArn })
}
