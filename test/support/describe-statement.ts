/** What PostgreSQL itself infers of a statement, without running it. */
import type { Client, Connection, Submittable } from 'pg'

export interface StatementDescription {
  parameters: string[]
  /** Result columns in order, as name and type. */
  columns: [name: string, type: string][]
}

interface Field {
  name: string
  dataTypeID: number
}

/** Parses and describes `text`; rejects with the server's error when it cannot be prepared. */
export async function describeStatement(
  client: Client,
  text: string,
): Promise<StatementDescription> {
  const { parameterIds, fields } = await describeByIds(client, text)
  const { rows } = await client.query<{ parameters: string[]; columns: string[] }>(
    `select $1::oid[]::regtype[]::text[] as parameters, $2::oid[]::regtype[]::text[] as columns`,
    [parameterIds, fields.map(({ dataTypeID }) => dataTypeID)],
  )
  return {
    parameters: rows[0]?.parameters ?? [],
    columns: fields.map(({ name }, index) => [name, rows[0]?.columns[index] ?? '']),
  }
}

function describeByIds(
  client: Client,
  text: string,
): Promise<{ parameterIds: number[]; fields: Field[] }> {
  return new Promise((resolve, reject) => {
    let parameterIds: number[] = []
    let fields: Field[] = []
    client.query({
      submit(connection: Connection) {
        connection.once('parameterDescription', (message: { dataTypeIDs: number[] }) => {
          parameterIds = message.dataTypeIDs
        })
        connection.parse({ name: '', text, types: [] }, false)
        connection.describe({ type: 'S', name: '' }, false)
        connection.sync()
      },
      handleRowDescription(message: { fields: Field[] }) {
        fields = message.fields
      },
      // After an error `pg` reports nothing more to this query.
      handleError: reject,
      handleReadyForQuery() {
        resolve({ parameterIds, fields })
      },
    } satisfies Submittable & Record<string, unknown>)
  })
}
