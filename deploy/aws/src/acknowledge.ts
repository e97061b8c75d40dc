/** Findings of cdk-nag that stay, each with its reason. */
import { Validations } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

/** `findings`: the rule, with the finding in brackets where it has one, to why it stays. */
export function acknowledge(scope: IConstruct, findings: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(findings)) {
    Validations.of(scope).acknowledge({ id, reason })
  }
}
