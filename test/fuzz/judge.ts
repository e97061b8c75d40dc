/**
 * What every answer must be: never a 5xx, of a documented status and media type, valid against its
 * schema; and if it says no, a problem document with a code that is documented there.
 */
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { isJsonObject, type JsonObject } from '../../server/src/http/json-object.ts'
import type { Operation } from './operations.ts'

export interface ReceivedAnswer {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: string
}

const problemType = 'application/problem+json'

/** A function that says what is wrong with an answer, if anything is. */
export function createJudge(document: JsonObject) {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'bank')
  const validators = new Map<string, (body: unknown) => string | undefined>()

  function validatorOf(pointer: string) {
    const found = validators.get(pointer)
    if (found !== undefined) return found
    const validate = ajv.compile({ $ref: `bank#${pointer}` })
    const judge = (body: unknown) => (validate(body) ? undefined : ajv.errorsText(validate.errors))
    validators.set(pointer, judge)
    return judge
  }

  function judgeDocumented(operation: Operation, answer: ReceivedAnswer, body: unknown) {
    const { status } = answer
    const documented = operation.answers.get(status)
    if (documented === undefined) return `status ${status} is not documented`
    const type = mediaTypeOf(answer)
    if (documented.content.size === 0) {
      return answer.body === '' ? undefined : 'a body where none is documented'
    }
    if (!documented.content.has(type)) return `media type ${type} is not documented`
    if (status >= 400 && isJsonObject(body) && !documented.problemCodes.has(String(body['code']))) {
      return `code ${String(body['code'])} is not documented for ${status}`
    }
    if (!type.endsWith('json')) return undefined
    const steps = ['paths', operation.path, operation.method.toLowerCase(), 'responses', status]
    const pointer = [...steps, 'content', type, 'schema'].map(pointerStep).join('')
    return validatorOf(pointer)(body)
  }

  return (operation: Operation | undefined, method: string, answer: ReceivedAnswer) => {
    const { status, headers } = answer
    if (status >= 500) return `status ${status}`
    if (typeof headers['request-id'] !== 'string') return 'no request-id'
    if (method === 'HEAD') return undefined
    const body = mediaTypeOf(answer).endsWith('json') ? parse(answer.body) : undefined
    if (status >= 400) {
      const wrong = judgeProblem(answer, body)
      if (wrong !== undefined) return wrong
    }
    return operation && judgeDocumented(operation, answer, body)
  }
}

function judgeProblem(answer: ReceivedAnswer, body: unknown): string | undefined {
  if (mediaTypeOf(answer) !== problemType) return 'an error that is no problem document'
  if (!isJsonObject(body)) return 'a problem document that is no object'
  if (body['status'] !== answer.status) return 'a problem document of another status'
  if (body['type'] !== `/problems/${String(body['code'])}`) return 'a type of another code'
  return undefined
}

function mediaTypeOf({ headers }: ReceivedAnswer): string {
  return String(headers['content-type'] ?? '').split(';')[0] ?? ''
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** RFC 6901, and as a part of a URL. */
function pointerStep(step: string | number): string {
  return `/${encodeURIComponent(String(step).replaceAll('~', '~0').replaceAll('/', '~1'))}`
}
