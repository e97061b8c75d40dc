/**
 * How the workflows log in: GitHub signs who asks, and a role trusts one environment of one
 * repository. There are no access keys.
 */
import { aws_iam as iam, type Stack } from 'aws-cdk-lib'
import type { GithubSettings, Settings } from './settings.ts'

const host = 'token.actions.githubusercontent.com'

/** An account has this provider once. */
export function makeGithubProvider(stack: Stack): iam.IOidcProvider {
  return new iam.OidcProviderNative(stack, 'Github', {
    url: `https://${host}`,
    clientIds: ['sts.amazonaws.com'],
  })
}

/**
 * A role for the jobs of one environment of the repository. The environment's rules on GitHub say
 * which branch may use it and who must agree.
 */
export function makeGithubRole(
  stack: Stack,
  id: string,
  settings: Settings,
  options: { githubEnvironment: string; description: string },
): iam.Role {
  const provider = `arn:aws:iam::${settings.account}:oidc-provider/${host}`
  return new iam.Role(stack, id, {
    description: options.description,
    assumedBy: new iam.FederatedPrincipal(
      provider,
      {
        StringEquals: {
          [`${host}:aud`]: 'sts.amazonaws.com',
          [`${host}:sub`]: githubSubject(settings.github, options.githubEnvironment),
        },
      },
      'sts:AssumeRoleWithWebIdentity',
    ),
  })
}

/** With the numbers, a repository that takes over the name of a deleted one is not trusted. */
export function githubSubject(github: GithubSettings, githubEnvironment: string): string {
  const { owner, ownerId, repository, repositoryId, legacySubject } = github
  const name = legacySubject
    ? `${owner}/${repository}`
    : `${owner}@${ownerId}/${repository}@${repositoryId}`
  return `repo:${name}:environment:${githubEnvironment}`
}
