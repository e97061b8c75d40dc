/**
 * What an account has once, whatever its environments: the repository of the image, GitHub's OIDC
 * provider, and the role that pushes. Every environment's settings give the same stack.
 */
import { aws_ecr as ecr, aws_iam as iam, Duration, RemovalPolicy, type App } from 'aws-cdk-lib'
import { acknowledge } from './acknowledge.ts'
import { makeGithubProvider, makeGithubRole } from './github.ts'
import { imageRepository } from './names.ts'
import { giveRights } from './policies.ts'
import type { Settings } from './settings.ts'
import { makeOutputs, makeStack } from './stack.ts'

const pushActions = [
  'ecr:BatchCheckLayerAvailability',
  'ecr:BatchGetImage',
  'ecr:CompleteLayerUpload',
  'ecr:GetDownloadUrlForLayer',
  'ecr:InitiateLayerUpload',
  'ecr:PutImage',
  'ecr:UploadLayerPart',
]

export function createRegistry(app: App, settings: Settings): void {
  const shared: Settings = { ...settings, profileName: 'production' }
  const stack = makeStack(app, 'tallystick-registry', shared, 'Images, and the login of workflows')
  const repository = new ecr.Repository(stack, 'Images', {
    repositoryName: imageRepository,
    imageTagMutability: ecr.TagMutability.IMMUTABLE,
    imageScanOnPush: true,
    encryption: ecr.RepositoryEncryption.AES_256,
    removalPolicy: RemovalPolicy.RETAIN,
    lifecycleRules: [
      {
        description: 'Left behind by a push that broke off',
        tagStatus: ecr.TagStatus.UNTAGGED,
        maxImageAge: Duration.days(14),
        rulePriority: 1,
      },
      {
        description: 'Enough releases to go back to',
        tagStatus: ecr.TagStatus.ANY,
        maxImageCount: 100,
        rulePriority: 2,
      },
    ],
  })
  for (const account of settings.pullAccounts) {
    repository.grantPull(new iam.AccountPrincipal(account))
  }
  const role = makeGithubRole(stack, 'ImageRole', settings, {
    githubEnvironment: 'registry',
    description: 'The workflow `image`: pushes to one repository',
  })
  if (!settings.github.providerExists) role.node.addDependency(makeGithubProvider(stack))
  const rights = giveRights(stack, 'ImageRights', role, [
    { actions: ['ecr:GetAuthorizationToken'], resources: ['*'] },
    { actions: pushActions, resources: [repository.repositoryArn] },
  ])
  acknowledge(rights, {
    'AwsSolutions-IAM5[Resource::*]': 'ecr:GetAuthorizationToken knows no resources.',
  })
  makeOutputs(stack, {
    RepositoryName: repository.repositoryName,
    RepositoryUri: repository.repositoryUri,
    ImageRole: role.roleArn,
  })
}
