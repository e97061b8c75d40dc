/**
 * What a check of the auditor is. A pass is one statement that makes one or more checks over the
 * same rows, because reading and sorting millions of rows is what costs; it returns nothing when all
 * is well and at most {@link sampleSize} rows per check otherwise.
 */
import { statement, type Statement } from '../../database/statement.ts'

/** Rows of evidence that each check gives; how many there are is counted beside. */
export const sampleSize = 10

/** The columns of every statement that looks for what is broken. */
export const findingColumns = { check_name: 'text', row_count: 'bigint', facts: 'jsonb' } as const

export interface AuditPass {
  /** What it looks at, for people. */
  title: string
  /** The guarantee behind each check that the pass makes, by the name its rows bear. */
  checks: Readonly<Record<string, string>>
  statement: Statement<readonly [], typeof findingColumns>
}

/**
 * Makes a statement of a query over broken rows: `violations` selects `check_name` and `facts`
 * (jsonb; sums and balances as text, since they outgrow a JSON number), a row for each. `prelude` is
 * what it stands on, as members of a WITH.
 */
export function auditStatement(name: string, prelude: string, violations: string) {
  const text = sampleText(prelude, violations)
  return statement({ name: `audit_${name}`, text, parameters: [], columns: findingColumns })
}

/** The text of such a statement. */
export function sampleText(prelude: string, violations: string): string {
  return `
    with ${prelude === '' ? '' : `${prelude},`} violation as (${violations}), sample as (
      select check_name, facts, count(*) over (partition by check_name) as row_count,
        row_number() over (partition by check_name) as place
      from violation
    )
    select check_name, row_count, facts from sample where place <= ${sampleSize}
    order by check_name, place`
}
