/**
 * Hand-written SQL with its types said beside it: parameters and result columns by their SQL type,
 * from which TypeScript derives what goes in and what comes out. A database test prepares every
 * statement on the migrated schema and compares what PostgreSQL infers with what is said here, so
 * a declaration can neither be wrong nor become so.
 */

/** The TypeScript face of each SQL type as `pg` reads it, by the name `regtype` prints. */
interface ScalarRead {
  bigint: string
  boolean: boolean
  bytea: Buffer
  integer: number
  jsonb: unknown
  numeric: string
  smallint: number
  text: string
  'timestamp with time zone': Date
  uuid: string
}

/** What may be sent for each SQL type. `jsonb` is sent as its JSON text. */
interface ScalarWrite {
  bigint: number | bigint | string
  boolean: boolean
  bytea: Uint8Array
  integer: number
  jsonb: string
  numeric: number | bigint | string
  smallint: number
  text: string
  'timestamp with time zone': Date
  uuid: string
}

type Scalar = keyof ScalarRead
export type SqlType = Scalar | `${Scalar}[]`

/** A result column: its type, with a question mark where it may be null. */
export type SqlColumn = SqlType | `${SqlType}?`

type Read<T extends SqlColumn> = T extends `${infer U extends SqlType}?`
  ? Read<U> | null
  : T extends `${infer U extends Scalar}[]`
    ? ScalarRead[U][]
    : T extends Scalar
      ? ScalarRead[T]
      : never

type Write<T extends SqlType> = T extends `${infer U extends Scalar}[]`
  ? readonly (ScalarWrite[U] | null)[]
  : T extends Scalar
    ? ScalarWrite[T]
    : never

export interface Statement<
  Parameters extends readonly SqlType[] = readonly SqlType[],
  Columns extends Readonly<Record<string, SqlColumn>> = Readonly<Record<string, SqlColumn>>,
> {
  /** The name it is prepared under; one name, one text, in the whole program. */
  readonly name: string
  readonly text: string
  readonly parameters: Parameters
  /** In the order of the select list; empty for a statement that returns nothing. */
  readonly columns: Columns
}

/** One row of the statement's result. */
export type RowOf<S extends Statement> = {
  -readonly [K in keyof S['columns']]: Read<S['columns'][K]>
}

type Writes<Parameters extends readonly SqlType[]> = {
  readonly [I in keyof Parameters]: Write<Parameters[I]> | null
}

/** The statement's arguments, in order. */
export type ValuesOf<S extends Statement> = Writes<S['parameters']>

/** Declares a statement; its types are kept literally. */
export function statement<
  const Parameters extends readonly SqlType[],
  const Columns extends Readonly<Record<string, SqlColumn>>,
>(declared: Statement<Parameters, Columns>): Statement<Parameters, Columns> {
  return declared
}

/**
 * What `pg` is asked to run. With `named` the server parses the text once per connection; without,
 * the statement is unnamed and needs no session, as a transaction pooler wants it.
 */
export function queryOf<Parameters extends readonly SqlType[]>(
  { name, text }: Statement<Parameters>,
  values: Writes<Parameters>,
  named: boolean,
): { name?: string; text: string; values: unknown[] } {
  return named ? { name, text, values: [...values] } : { text, values: [...values] }
}
