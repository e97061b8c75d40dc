/**
 * For the planted fault `client-failure-in-pipeline`: the write set of a batch of bare transfers as two
 * statements, of which the one with the balances is now and then not sent by the driver.
 */
interface Write {
  statement: { name: string; text: string }
  values: readonly unknown[]
}

const batchName = 'ledger_write_batch'
const rowsName = 'planted_rows'
const balances =
  /update account as a[\s\S]*?from (unnest\([\s\S]*?where a\.id = c\.id)\s+returning 1/
const accountValues = 5
const failsEvery = 20

let count = 0

export function splitWriteSet(write: Write): Write[] {
  const { statement, values } = write
  if (statement.name !== batchName) return [write]
  const [update, source] = balances.exec(statement.text) ?? []
  if (update === undefined || source === undefined) {
    throw new Error('the write set has no update of accounts to split off')
  }
  const unchanged = `select 1 from ${source.replace('where a.id = c.id', '')}`
  count += 1
  // A name that is taken: `pg` refuses that statement, sends nothing of it, and goes on.
  const balancesName = count % failsEvery === 0 ? rowsName : 'planted_balances'
  return [
    { statement: { name: rowsName, text: statement.text.replace(update, unchanged) }, values },
    {
      statement: { name: balancesName, text: update.replace('returning 1', '') },
      values: values.slice(0, accountValues),
    },
  ]
}
