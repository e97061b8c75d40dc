/**
 * A small client of the HTTP API for the demo, the bench and the tests of a running bank: one
 * method for all routes, the bearer token kept, problem documents thrown as {@link ApiProblem}.
 */
import { setTimeout as sleep } from 'node:timers/promises'

const triesMax = 5
const retryMilliseconds = 1_000

/** A JSON object as it came; callers pick the members they need by name. */
export type Json = Record<string, unknown>

/** An answer that is a problem document. */
export class ApiProblem extends Error {
  override name = 'ApiProblem'
  readonly status: number
  readonly code: string
  readonly body: Json

  constructor(status: number, body: Json) {
    super(`${status} ${String(body['code'])}: ${String(body['detail'])}`)
    this.status = status
    this.code = String(body['code'])
    this.body = body
  }
}

/** No answer came: nobody listens there, or the line was cut. */
export class ApiUnreachable extends Error {
  override name = 'ApiUnreachable'
}

export interface ApiRequest {
  token?: string | undefined
  idempotencyKey?: string | undefined
  body?: unknown
}

export interface ApiAnswer {
  status: number
  /** The answer is an earlier one to the same idempotency key. */
  replayed: boolean
  body: Json
}

export interface Api {
  baseUrl: string
  /** Resolves with whatever was answered, as long as it is JSON; {@link ApiUnreachable} if not. */
  send(method: string, path: string, request?: ApiRequest): Promise<ApiAnswer>
  /**
   * Resolves with the body of a 2xx, throws {@link ApiProblem} for everything else. Asks again, a
   * few times and when the bank says so, while it is overloaded: nothing was done then.
   */
  call(method: string, path: string, request?: ApiRequest): Promise<Json>
  /** A text member of what {@link Api.call} answers. */
  text(body: Json, member: string): string
}

export function createApi(baseUrl: string): Api {
  async function send(method: string, path: string, request: ApiRequest = {}): Promise<ApiAnswer> {
    const headers: Record<string, string> = {}
    if (request.token !== undefined) headers['authorization'] = `Bearer ${request.token}`
    if (request.idempotencyKey !== undefined) headers['idempotency-key'] = request.idempotencyKey
    if (request.body !== undefined) headers['content-type'] = 'application/json'
    const response = await fetch(baseUrl + path, {
      method,
      headers,
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    }).catch((cause: unknown) => {
      throw new ApiUnreachable(`${baseUrl} did not answer ${method} ${path}`, { cause })
    })
    const body: unknown = await response.json()
    if (!isJson(body)) throw new Error(`${method} ${path} answered no JSON object`)
    const replayed = response.headers.get('idempotency-replayed') === 'true'
    return { status: response.status, replayed, body }
  }

  return {
    baseUrl,
    send,
    async call(method, path, request) {
      for (let tries = 1; ; tries += 1) {
        const { status, body } = await send(method, path, request)
        if (status < 300) return body
        if (body['code'] !== 'overloaded' || tries === triesMax) throw new ApiProblem(status, body)
        await sleep(retryMilliseconds)
      }
    },
    text(body, member) {
      const value = body[member]
      if (typeof value !== 'string') throw new Error(`${member} is missing in the answer`)
      return value
    },
  }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
