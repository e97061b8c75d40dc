/**
 * The data: PostgreSQL 18 on RDS, encrypted, TLS only, restorable to any second of the last days, and
 * the secrets of the program.
 *
 * The owner's secret and the server's have RDS's own form (username, password, host, port, dbname);
 * the third one has KEY: value pairs. The login of the server is made once, by hand: README.md.
 */
import {
  aws_ec2 as ec2,
  aws_kms as kms,
  aws_logs as logs,
  aws_rds as rds,
  aws_secretsmanager as secretsmanager,
  Duration,
  RemovalPolicy,
  type App,
  type Stack,
} from 'aws-cdk-lib'
import { acknowledge } from './acknowledge.ts'
import { grantLogs } from './log-key.ts'
import {
  databaseId,
  databaseName,
  ownerLogin,
  secretName,
  serverLogin,
  stackName,
} from './names.ts'
import type { Network } from './network.ts'
import type { Settings } from './settings.ts'
import { makeOutputs, makeStack } from './stack.ts'

export interface Data {
  /** Of the database; who may reach it is said where the cluster is made. */
  securityGroup: ec2.SecurityGroup
  /** What the server reads at its start. */
  serverSecretArns: string[]
  /** Of the secrets. */
  keyArn: string
}

const rotationReason =
  'A change must reach the database, the secret and the pods in order: a runbook does it.'

export const postgresPort = 5432

export function createData(app: App, settings: Settings, network: Network): Data {
  const stack = makeStack(app, stackName(settings, 'data'), settings, 'Database and secrets')
  const key = new kms.Key(stack, 'Key', {
    description: 'Database, its backups and the secrets',
    enableKeyRotation: true,
    // Without it the backups are lost too.
    removalPolicy: RemovalPolicy.RETAIN,
  })
  const securityGroup = new ec2.SecurityGroup(stack, 'DatabaseAccess', {
    vpc: network.vpc,
    description: 'PostgreSQL, from the pods',
    allowAllOutbound: false,
  })
  const database = makeDatabase(stack, settings, network, securityGroup, key)
  const serverSecret = new rds.DatabaseSecret(stack, 'ServerSecret', {
    secretName: secretName(settings, 'server'),
    username: serverLogin,
    dbname: databaseName,
    encryptionKey: key,
  })
  serverSecret.attach(database)
  const settingsSecret = makeTokenSecret(stack, settings, key)
  for (const secret of [serverSecret, settingsSecret]) {
    acknowledge(secret, { 'AwsSolutions-SMG4': rotationReason })
  }
  makeOutputs(stack, {
    DatabaseHost: database.dbInstanceEndpointAddress,
    DatabaseId: database.instanceIdentifier,
    OwnerSecret: secretName(settings, 'owner'),
    ServerSecret: secretName(settings, 'server'),
    SettingsSecret: secretName(settings, 'settings'),
  })
  const serverSecretArns = [serverSecret, settingsSecret].map(({ secretArn }) => secretArn)
  return { securityGroup, serverSecretArns, keyArn: key.keyArn }
}

function makeDatabase(
  stack: Stack,
  settings: Settings,
  network: Network,
  securityGroup: ec2.SecurityGroup,
  key: kms.Key,
): rds.DatabaseInstance {
  const { database } = settings.profile
  const engine = rds.DatabaseInstanceEngine.postgres({
    version: rds.PostgresEngineVersion.VER_18,
  })
  const instance = new rds.DatabaseInstance(stack, 'Database', {
    // A fixed name: a change that would replace the database by an empty one fails instead.
    instanceIdentifier: databaseId(settings),
    engine,
    instanceType: new ec2.InstanceType(database.instanceType),
    vpc: network.vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    securityGroups: [securityGroup],
    publiclyAccessible: false,
    port: postgresPort,
    databaseName,
    credentials: rds.Credentials.fromGeneratedSecret(ownerLogin, {
      secretName: secretName(settings, 'owner'),
      encryptionKey: key,
    }),
    caCertificate: rds.CaCertificate.RDS_CA_RSA2048_G1,
    parameterGroup: new rds.ParameterGroup(stack, 'Parameters', {
      engine,
      description: 'Tallystick',
      parameters: {
        'rds.force_ssl': '1',
        max_connections: String(database.connectionsMax),
        password_encryption: 'scram-sha-256',
        // Durable before it is answered: what the bank promises stands on these.
        synchronous_commit: 'on',
        // A session that a client left behind inside a tx would hold its locks.
        idle_in_transaction_session_timeout: '60000',
        log_connections: '1',
        log_disconnections: '1',
        log_lock_waits: '1',
        log_min_duration_statement: '1000',
      },
    }),
    multiAz: database.multiAz,
    storageType: rds.StorageType.GP3,
    allocatedStorage: database.storageGib,
    maxAllocatedStorage: database.storageGibMax,
    storageEncrypted: true,
    storageEncryptionKey: key,
    backupRetention: Duration.days(database.backupDays),
    preferredBackupWindow: '17:00-18:00',
    preferredMaintenanceWindow: 'sun:18:30-sun:19:30',
    copyTagsToSnapshot: true,
    deleteAutomatedBackups: false,
    deletionProtection: true,
    removalPolicy: RemovalPolicy.SNAPSHOT,
    autoMinorVersionUpgrade: true,
    allowMajorVersionUpgrade: false,
    cloudwatchLogsExports: ['postgresql', 'upgrade'],
    databaseInsightsMode: rds.DatabaseInsightsMode.STANDARD,
    performanceInsightEncryptionKey: key,
    monitoringInterval: Duration.seconds(60),
  })
  instance.node.addDependency(...makeDatabaseLogs(stack, settings, key))
  acknowledge(instance, {
    'AwsSolutions-SMG4': rotationReason,
    'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]':
      'Enhanced monitoring asks for this policy.',
    'AwsSolutions-RDS11': 'Nobody outside reaches the port; the network policies name 5432.',
    ...(database.multiAz
      ? {}
      : { 'AwsSolutions-RDS3': 'The profile `small`: a restore takes the place of a standby.' }),
  })
  return instance
}

/** RDS would make them itself, to be kept for ever and under no key of ours. */
function makeDatabaseLogs(stack: Stack, settings: Settings, key: kms.Key): logs.LogGroup[] {
  grantLogs(key, settings)
  return ['postgresql', 'upgrade'].map(
    (name) =>
      new logs.LogGroup(stack, `Log-${name}`, {
        logGroupName: `/aws/rds/instance/${databaseId(settings)}/${name}`,
        encryptionKey: key,
        retention: settings.profile.logDays,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
  )
}

/** TOKEN_SYMMETRIC_KEY as 64 hexadecimal digits, and room for other settings beside it. */
function makeTokenSecret(stack: Stack, settings: Settings, key: kms.Key): secretsmanager.Secret {
  return new secretsmanager.Secret(stack, 'SettingsSecret', {
    secretName: secretName(settings, 'settings'),
    description: 'Settings of the server that are secret, as KEY: value pairs',
    encryptionKey: key,
    generateSecretString: {
      secretStringTemplate: '{}',
      generateStringKey: 'TOKEN_SYMMETRIC_KEY',
      passwordLength: 64,
      excludeUppercase: true,
      excludePunctuation: true,
      excludeCharacters: 'ghijklmnopqrstuvwxyz',
    },
  })
}
