/** Rights are given by managed policies: they can be listed, and are no hidden part of a role. */
import { aws_iam as iam, type Stack } from 'aws-cdk-lib'

export interface Right {
  actions: string[]
  resources: string[]
  /** In the form of IAM: operator, key, value. */
  conditions?: Record<string, Record<string, string | string[]>>
}

export function giveRights(
  stack: Stack,
  id: string,
  role: iam.IRole,
  rights: readonly Right[],
): iam.ManagedPolicy {
  return new iam.ManagedPolicy(stack, id, {
    roles: [role],
    statements: rights.map((right) => new iam.PolicyStatement(right)),
  })
}
