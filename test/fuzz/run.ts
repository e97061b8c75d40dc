/**
 * Sends generated requests to a bank, a few at a time, and judges every answer. Whoever was logged
 * out, disabled or demoted on the way is what they were again, so that no request ends the run.
 */
import { Agent, request as httpRequest } from 'node:http'
import { isJsonObject, objectAt } from '../../server/src/http/json-object.ts'
import { auditLedger } from '../../server/src/ledger/ledger.ts'
import { createJudge, type ReceivedAnswer } from './judge.ts'
import { readOperations } from './operations.ts'
import { chunkSize, createRequests, type FuzzRequest } from './requests.ts'
import { openFuzzWorld, type FuzzWorld } from './world.ts'

export interface FuzzOptions {
  databaseUrl: string
  ownerUrl: string
  seed: number
  /** Rounded up to whole chunks. */
  requests: number
  onProgress?: (sent: number) => void
}

export interface FuzzReport {
  sent: number
  /** How many answers each status had. */
  statuses: ReadonlyMap<number, number>
  /** Operations of which no request was answered with 2xx. */
  neverDone: readonly string[]
  /** What was wrong, with the request; empty when all is well. */
  findings: readonly string[]
}

const concurrency = 16
const findingsMax = 20

export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const world = await openFuzzWorld(options.databaseUrl, options.ownerUrl)
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  try {
    return await fuzz(world, agent, options)
  } finally {
    agent.destroy()
    await world.close()
  }
}

async function fuzz(world: FuzzWorld, agent: Agent, options: FuzzOptions): Promise<FuzzReport> {
  const { seed, requests, onProgress, databaseUrl } = options
  const document: unknown = await (await fetch(`${world.url}/openapi.json`)).json()
  if (!isJsonObject(document)) throw new Error('there is no OpenAPI document')
  const operations = readOperations(document)
  const components = objectAt(objectAt(document, 'components'), 'schemas')
  const requestsOf = createRequests(operations, components)
  const judge = createJudge(document)
  const statuses = new Map<number, number>()
  const done = new Set<string>()
  const findings: string[] = []
  let sent = 0

  async function work(queue: Iterator<FuzzRequest>): Promise<void> {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const request = next.value
      const { operation, method } = request
      const { answer, line, token } = await send(world, agent, request)
      sent += 1
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      const wrong = judge(operation, method, answer)
      if (wrong !== undefined) findings.push(`${wrong}\n  ${line}\n  ${answer.body.slice(0, 500)}`)
      if (answer.status === 401 && token !== undefined) await world.restore(token)
      if (answer.status >= 300) continue
      world.learn(answer.body, request.actor)
      if (operation) done.add(operation.id)
    }
  }

  for (let chunk = 0; chunk * chunkSize < requests; chunk += 1) {
    if (findings.length >= findingsMax) break
    const queue = requestsOf(seed, chunk).values()
    await Promise.all(Array.from({ length: concurrency }, () => work(queue)))
    await world.restore()
    onProgress?.(sent)
  }
  findings.push(...world.errors.map((line) => `logged: ${line.slice(0, 2000)}`))
  const audit = await auditLedger({ url: databaseUrl })
  findings.push(...audit.findings.map((finding) => `audit: ${JSON.stringify(finding)}`))
  const neverDone = operations.map(({ id }) => id).filter((id) => !done.has(id))
  return { sent, statuses, neverDone, findings }
}

async function send(
  world: FuzzWorld,
  agent: Agent,
  request: FuzzRequest,
): Promise<{ answer: ReceivedAnswer; line: string; token: string | undefined }> {
  const { actor } = request
  const path = world.resolve(request.path, actor)
  const body = typeof request.body === 'string' ? world.resolve(request.body, actor) : request.body
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== '') headers[name] = world.resolve(value, actor)
  }
  const token = world.tokenOf(actor)
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  const answer = await exchange(world.url + path, { agent, method: request.method, headers }, body)
  const line = `${actor}: ${request.method} ${path} ${String(body ?? '').slice(0, 500)}`
  return { answer, line, token }
}

function exchange(
  url: string,
  options: { agent: Agent; method: string; headers: Record<string, string> },
  body: string | Buffer | undefined,
): Promise<ReceivedAnswer> {
  const { port, hostname } = new URL('/', url)
  const path = url.slice(new URL('/', url).origin.length)
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ ...options, hostname, port, path }, (incoming) => {
      let text = ''
      incoming.setEncoding('utf8')
      incoming.on('data', (part: string) => (text += part))
      incoming.on('error', reject)
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }),
      )
    })
    outgoing.on('error', (cause) => reject(new Error(`no answer to ${path}`, { cause })))
    outgoing.end(body)
  })
}
