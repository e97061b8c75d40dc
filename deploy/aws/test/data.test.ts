/** The data: encrypted, TLS only, out of reach, restorable, and kept when its stack goes. */
import { Match } from 'aws-cdk-lib/assertions'
import { describe, expect, test } from 'vitest'
import {
  asRecord,
  environments,
  makeApp,
  resourcesOf,
  shippedSettings,
  templateOf,
} from './support.ts'

describe.each(environments)('%s', (environment) => {
  const settings = shippedSettings(environment)
  const template = templateOf(makeApp(settings), 'data')
  const { database } = settings.profile

  test('PostgreSQL 18, encrypted, private, with the backups and the standby of the profile', () => {
    template.hasResourceProperties('AWS::RDS::DBInstance', {
      Engine: 'postgres',
      EngineVersion: '18',
      DBInstanceIdentifier: `tallystick-${environment}`,
      DBName: 'tallystick',
      MultiAZ: database.multiAz,
      BackupRetentionPeriod: database.backupDays,
      StorageEncrypted: true,
      KmsKeyId: Match.anyValue(),
      PubliclyAccessible: false,
      DeletionProtection: true,
      DeleteAutomatedBackups: false,
      EnableCloudwatchLogsExports: ['postgresql', 'upgrade'],
    })
  })

  test('a delete of the stack leaves a snapshot and the key that opens it', () => {
    template.hasResource('AWS::RDS::DBInstance', { DeletionPolicy: 'Snapshot' })
    template.hasResource('AWS::KMS::Key', { DeletionPolicy: 'Retain' })
  })

  test('a connection without TLS is refused, and commits are durable', () => {
    template.hasResourceProperties('AWS::RDS::DBParameterGroup', {
      Family: 'postgres18',
      Parameters: Match.objectLike({
        'rds.force_ssl': '1',
        synchronous_commit: 'on',
        max_connections: String(database.connectionsMax),
      }),
    })
  })

  test('nobody reaches the database but who the cluster lets in', () => {
    for (const { Properties } of Object.values(resourcesOf(template, 'AWS::EC2::SecurityGroup'))) {
      expect(Properties).not.toHaveProperty('SecurityGroupIngress')
    }
    template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0)
  })

  test('three secrets, encrypted: two in the form of RDS, one of KEY: value pairs', () => {
    const secrets = Object.values(resourcesOf(template, 'AWS::SecretsManager::Secret'))
    const names = secrets.map(({ Properties }) => Properties['Name'])
    const wanted = ['owner', 'server', 'settings'].map(
      (name) => `tallystick/${environment}/${name}`,
    )
    expect(new Set(names)).toEqual(new Set(wanted))
    expect(names).toHaveLength(wanted.length)
    for (const { Properties } of secrets) expect(Properties).toHaveProperty('KmsKeyId')
    // An attachment adds host, port and dbname.
    template.resourceCountIs('AWS::SecretsManager::SecretTargetAttachment', 2)
  })

  test('the token key is 32 bytes in hexadecimal digits', () => {
    const [secret] = Object.values(resourcesOf(template, 'AWS::SecretsManager::Secret')).filter(
      ({ Properties }) => String(Properties['Name']).endsWith('/settings'),
    )
    const rule = asRecord(secret?.Properties['GenerateSecretString'])
    expect(rule).toMatchObject({ GenerateStringKey: 'TOKEN_SYMMETRIC_KEY', PasswordLength: 64 })
    const excluded = String(rule['ExcludeCharacters'])
    const left = 'abcdefghijklmnopqrstuvwxyz0123456789'
      .split('')
      .filter((c) => !excluded.includes(c))
    expect(left.join('')).toBe('abcdef0123456789')
    expect(rule).toMatchObject({ ExcludeUppercase: true, ExcludePunctuation: true })
  })
})
