/**
 * Parts of which the schemas of the API are made. A schema is written once, in TypeBox, and is the
 * validator, the serializer, the type in the handler and the entry in the OpenAPI document.
 *
 * A named schema is simply used where it is needed (`200: AccountSchema`, `listOf(AccountSchema)`),
 * so that TypeScript sees its type. When a route is added, the server replaces it by a reference to
 * `components/schemas/<name>` (see shared-schemas.ts).
 */
import { Type, type Static, type TSchema, type TUnsafe } from 'typebox'
import type { IdPrefix } from '../kernel/ids.ts'
import { MINOR_MAX } from '../kernel/money.ts'
import { problemCatalog, type ProblemCode } from './problem-catalog.ts'

/** Gives a schema its name in `components/schemas`. The name is unique in the whole API. */
export function named<Schema extends TSchema>(name: string, schema: Schema): Schema {
  return Object.assign(schema, { $id: name })
}

/**
 * The value or null, for a schema with one `type`. As a list of types and not as a union: the
 * serializer tells the cases apart with `typeof`, where it would run a validator for each `anyOf`.
 */
export function nullable<Schema extends TSchema & { type: string }>(
  schema: Schema,
): TUnsafe<Static<Schema> | null> {
  return Type.Unsafe<Static<Schema> | null>({ ...schema, type: [schema.type, 'null'] })
}

/** One of a closed list of words. */
export function oneOf<const Words extends readonly string[]>(
  words: Words,
  options: { description?: string } = {},
): TUnsafe<Words[number]> {
  return Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], ...options })
}

const idExample = '01h455vb4pex5vsknk084sn02q'

/** The id of a thing of that kind, as clients see it (`acct_01h4...`). */
export function idSchema(prefix: IdPrefix, description?: string) {
  return Type.String({
    pattern: `^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`,
    ...(description !== undefined && { description }),
    examples: [`${prefix}_${idExample}`],
  })
}

/** A moment: RFC 3339 in UTC with milliseconds, as `Date.prototype.toISOString` writes it. */
export const Timestamp = Type.String({
  format: 'date-time',
  description: 'RFC 3339, UTC, with milliseconds',
  examples: ['2026-01-15T09:30:00.000Z'],
})

/** A code of three upper-case letters. Whether the bank deals in it is a rule, not a form. */
export const CurrencyCodeSchema = Type.String({
  pattern: '^[A-Z]{3}$',
  description: 'ISO 4217 code',
  examples: ['EUR'],
})

/** An amount that is moved, in a request or an answer. */
export const AmountSchema = Type.Integer({
  minimum: 1,
  maximum: MINOR_MAX,
  description: 'In minor units: 1050 is 10.50 EUR',
  examples: [1050],
})

/** A balance of a customer, or a signed amount. */
export const BalanceSchema = Type.Integer({
  minimum: -MINOR_MAX,
  maximum: MINOR_MAX,
  description: 'In minor units: 1050 is 10.50 EUR',
  examples: [1050],
})

/** `{data, next_cursor}`, newest first. */
export function listOf<Schema extends TSchema>(schema: Schema) {
  return Type.Object(
    {
      data: Type.Array(schema),
      next_cursor: nullable(
        Type.String({
          description: 'Send it as `cursor` to read the next page; null on the last page',
        }),
      ),
    },
    { additionalProperties: false },
  )
}

/** The answer 204: it was done, and there is nothing to say. */
export const noContent = Type.Unsafe<void>({ type: 'null', description: 'Done' })

/** Members of the query of every list; spread them into its `querystring`. */
export const pageQuery = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'Entries of a page' }),
  ),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 512, description: '`next_cursor` of the page before' }),
  ),
}

/** The body of every answer with status 4xx or 5xx. */
export const ProblemSchema = named(
  'Problem',
  Type.Object(
    {
      type: Type.String({ description: 'A page that explains the code' }),
      title: Type.String(),
      status: Type.Integer(),
      detail: Type.String({ description: 'English, for people; it may change' }),
      code: Type.String({ description: 'For programs; it never changes its meaning' }),
      request_id: Type.String(),
      retry: oneOf(['same_key', 'new_key', 'never'], {
        description:
          '`same_key`: send it again as it is; `new_key`: change something first; `never`: no use',
      }),
      errors: Type.Optional(
        Type.Array(
          Type.Object({
            pointer: Type.String({ description: 'JSON Pointer, or the name of a parameter' }),
            code: Type.String(),
            detail: Type.String(),
          }),
        ),
      ),
    },
    {
      description: 'RFC 9457. The facts of the code come as further members.',
      additionalProperties: true,
    },
  ),
)

type StatusOf<Code extends ProblemCode> = (typeof problemCatalog)[Code]['status']

/**
 * The problems of a route beyond those that it has by its nature (400 for what it reads, 401 and
 * 403 by its `access`, 413 and 415 with a body, 5xx): spread it into `schema.response`. They are for
 * the OpenAPI document; a handler throws problems, so to its type they add nothing.
 */
export function problems<Code extends ProblemCode>(
  ...codes: Code[]
): Record<StatusOf<Code>, TUnsafe<never>> {
  const answers: Record<number, TUnsafe<never>> = {}
  for (const { status } of codes.map((code) => problemCatalog[code])) {
    const ofStatus = codes.filter((code) => problemCatalog[code].status === status)
    answers[status] = Type.Unsafe<never>({ [problemCodesKey]: ofStatus })
  }
  return answers
}

/** Where an answer made by {@link problems} lists its codes. */
export const problemCodesKey = 'x-problem-codes'
