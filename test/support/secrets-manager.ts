/** What AWS Secrets Manager says, in its JSON protocol, on a loopback address. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'

export interface SecretsManager {
  endpoint: string
  /** The ids that were asked for, in order. */
  readonly asked: string[]
  /** The next answers are these failures. */
  failNext(...failures: { status: number; type: string }[]): void
  close(): Promise<void>
}

export async function startSecretsManager(
  secrets: Readonly<Record<string, string>>,
): Promise<SecretsManager> {
  const asked: string[] = []
  const failures: { status: number; type: string }[] = []
  const server = createServer((request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
      response.end(JSON.stringify(body))
    }
    void text(request).then((body) => {
      const id = readId(body)
      asked.push(id)
      const failure = failures.shift()
      if (failure) return answer(failure.status, { __type: failure.type, message: 'not now' })
      const isRequest = request.headers['x-amz-target'] === 'secretsmanager.GetSecretValue'
      const value = secrets[id]
      if (!isRequest || value === undefined) {
        const message = "Secrets Manager can't find the specified secret."
        return answer(400, { __type: 'ResourceNotFoundException', message })
      }
      return answer(200, { Name: id, SecretString: value, VersionId: 'v1' })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    asked,
    failNext: (...next) => void failures.push(...next),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function readId(body: string): string {
  const parsed: unknown = JSON.parse(body)
  const isRequest = typeof parsed === 'object' && parsed !== null && 'SecretId' in parsed
  return isRequest ? String(parsed.SecretId) : ''
}
