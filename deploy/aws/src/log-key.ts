/** CloudWatch Logs may use a key of ours, for log groups of this account and region. */
import { aws_iam as iam, type aws_kms as kms } from 'aws-cdk-lib'
import type { Settings } from './settings.ts'

export function grantLogs(key: kms.Key, settings: Settings): void {
  const { account, region } = settings
  key.grantEncryptDecrypt(
    new iam.ServicePrincipal(`logs.${region}.amazonaws.com`, {
      conditions: {
        ArnLike: {
          'kms:EncryptionContext:aws:logs:arn': `arn:aws:logs:${region}:${account}:log-group:*`,
        },
      },
    }),
  )
}
