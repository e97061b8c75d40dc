/**
 * The secrets that AWS_SECRETS names, read once at the start of a server or a command, before there is
 * a configuration. The SDK is loaded only then, so that nobody else pays for it.
 *
 * The SDK finds region and credentials by its own rules: environment, files, the identity of the pod
 * or of the machine. The region of an ARN wins. Bounds: five tries for each secret, with pauses between
 * them; for each try 3 s to connect and 5 s for the answer. Secrets are read one after the other.
 */
import { findNamedSecrets, parseSecret, type NamedSecret } from '../config/secret.ts'
import type { ConfigSources, SecretSource } from '../config/sources.ts'
import { StartError } from './start-error.ts'

const triesMax = 5
const connectMilliseconds = 3_000
const answerMilliseconds = 5_000

/** The sources and the settings of every secret. Throws a {@link StartError} that names the secret. */
export async function addAwsSecrets(sources: ConfigSources): Promise<ConfigSources> {
  const { named, endpoint } = findNamedSecrets(sources)
  const secrets: SecretSource[] = []
  for (const secret of named) {
    const text = await readSecret(secret, endpoint).catch((error: unknown) => {
      const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
      throw new StartError(`AWS_SECRETS: the secret ${secret.id} cannot be read: ${reason}`, {
        cause: error,
      })
    })
    const parsed = parseSecret(text, secret.urlKey)
    if ('problem' in parsed) {
      throw new StartError(`AWS_SECRETS: the secret ${secret.id} ${parsed.problem}`)
    }
    secrets.push({ name: secret.id, values: parsed.values })
  }
  return { ...sources, secrets }
}

async function readSecret({ id }: NamedSecret, endpoint: string | undefined): Promise<string> {
  const { GetSecretValueCommand, SecretsManagerClient } =
    await import('@aws-sdk/client-secrets-manager')
  const region = /^arn:[^:]*:secretsmanager:([^:]+):/.exec(id)?.[1]
  const client = new SecretsManagerClient({
    maxAttempts: triesMax,
    requestHandler: {
      connectionTimeout: connectMilliseconds,
      requestTimeout: answerMilliseconds,
      throwOnRequestTimeout: true,
    },
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
  })
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: id }))
    if (SecretString === undefined) throw new Error('it is binary and not text')
    return SecretString
  } finally {
    client.destroy()
  }
}
