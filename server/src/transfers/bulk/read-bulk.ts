/**
 * From the bytes of a bulk to its orders, or to what is wrong with them: the strict scan, JSON.parse,
 * the schema and the rules that a schema cannot say, with the findings that the body of a single
 * transfer would have. Nothing is posted before the whole body is found good.
 *
 * Synchronous and as long as the body: 8,000 transfers take about 100 ms, so larger ones are read by
 * a worker (bulk-reader.ts). Bounds: the caller bounds the bytes; values and transfers are bounded
 * here.
 */
import { Ajv } from 'ajv'
import type { Static } from 'typebox'
import { createJsonScanner } from '../../http/json-scanner.ts'
import { malformedJson } from '../../http/json-body.ts'
import {
  problem,
  ProblemError,
  type ProblemDetail,
  type ProblemOptions,
} from '../../http/problem.ts'
import { validationProblem, validatorOptions } from '../../http/validation.ts'
import type { ProblemCode } from '../../http/problem-catalog.ts'
import type { CurrencyCode } from '../../kernel/currency.ts'
import type { Uuid } from '../../kernel/ids.ts'
import type { Minor } from '../../kernel/money.ts'
import { accountIdOf } from '../posting.ts'
import { findUncleanWords, type RequestWords } from '../words.ts'
import { atomicTransfersMax, CreateBulkTransfersSchema } from './schema.ts'

/** One transfer of a bulk, as the ledger takes it. */
export interface BulkOrder {
  fromAccountId: Uuid
  toAccountId: Uuid
  amount: Minor
  currency: CurrencyCode
  description: string | null
  reference: string | null
  metadata: Record<string, string> | null
  /** Its own idempotency key, where it brings one. */
  key: string | null
}

/** The problem of a body, in a form that can leave a worker. */
export interface BulkRefusal {
  code: ProblemCode
  options: Pick<ProblemOptions, 'detail' | 'facts' | 'errors'>
}

export type ReadResult = { isAtomic: boolean; orders: BulkOrder[] } | { refusal: BulkRefusal }
export type ReadBulk = (bytes: Buffer) => ReadResult

/** A bulk of 8,000 transfers with all their members and metadata has fewer. */
const valuesMax = 250_000
/** More findings than this do not help the client any further. */
const errorsMax = 20

type Body = Static<typeof CreateBulkTransfersSchema>
type Item = Body['transfers'][number]

/** `currencies`: the codes that the bank deals in. */
export function createReadBulk(currencies: readonly CurrencyCode[]): ReadBulk {
  const scan = createJsonScanner({ valuesMax })
  const supported = new Set(currencies)
  // As Fastify has it for all other bodies: the same package with the same settings.
  const validate = new Ajv(validatorOptions).compile<Body>(CreateBulkTransfersSchema)

  return (bytes) => {
    try {
      const finding = scan(bytes)
      if (finding !== undefined) throw malformedJson(finding)
      const body: unknown = JSON.parse(bytes.toString())
      if (!validate(body)) throw validationProblem(validate.errors ?? [], 'body')
      requireCleanWords(body.transfers)
      requireCurrencies(body.transfers, supported)
      const { atomic: isAtomic = false } = body
      if (isAtomic) requireGroup(body.transfers)
      return { isAtomic, orders: body.transfers.map(orderOf) }
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      return { refusal: { code: error.code, options: error.options } }
    }
  }
}

function requireCleanWords(items: readonly RequestWords[]): void {
  const errors: ProblemDetail[] = []
  for (const [index, item] of items.entries()) {
    if (errors.length >= errorsMax) break
    errors.push(...findUncleanWords(item, `/transfers/${index}`))
  }
  if (errors.length === 0) return
  throw problem('validation_failed', { errors: errors.slice(0, errorsMax) })
}

/** What a group is beyond a list: it is small, and has one key for all. */
function requireGroup(items: readonly Item[]): void {
  const errors = items.flatMap(({ idempotency_key: key }, index): ProblemDetail[] => {
    const pointer = `/transfers/${index}/idempotency_key`
    const detail = 'has no place in an atomic bulk, whose one key is that of the request'
    return key === undefined ? [] : [{ pointer, code: 'atomic', detail }]
  })
  if (items.length > atomicTransfersMax) {
    const detail = `must not have more than ${atomicTransfersMax} items when they are atomic`
    errors.unshift({ pointer: '/transfers', code: 'maxItems', detail })
  }
  if (errors.length > 0) throw problem('validation_failed', { errors: errors.slice(0, errorsMax) })
}

function requireCurrencies(items: readonly Item[], supported: ReadonlySet<CurrencyCode>): void {
  const index = items.findIndex(({ currency }) => !supported.has(currency))
  const currency = items[index]?.currency
  if (currency === undefined) return
  const detail = `The bank does not deal in ${currency}, but in ${[...supported].join(', ')}.`
  throw problem('currency_not_supported', {
    detail,
    facts: { currency, supported: [...supported] },
    errors: [{ pointer: `/transfers/${index}/currency`, code: 'currency_not_supported', detail }],
  })
}

function orderOf({ description, reference, metadata, ...item }: Item): BulkOrder {
  return {
    fromAccountId: accountIdOf(item.from_account_id),
    toAccountId: accountIdOf(item.to_account_id),
    amount: item.amount,
    currency: item.currency,
    description: description ?? null,
    reference: reference ?? null,
    metadata: metadata && Object.keys(metadata).length > 0 ? metadata : null,
    key: item.idempotency_key ?? null,
  }
}
