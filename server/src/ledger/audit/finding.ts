/** What the auditor says about a guarantee that does not hold. */
import { toSafeInteger } from '../../database/convert.ts'
import type { RowOf } from '../../database/statement.ts'
import { assert, present } from '../../kernel/assert.ts'
import { sampleSize, type AuditPass } from './check.ts'

export interface AuditFinding {
  /** The name of the check, such as `entry_seq`. */
  check: string
  /** What should hold and does not. */
  guarantee: string
  /** How many rows break it. */
  count: number
  /** The first few of them. */
  rows: Record<string, unknown>[]
}

/** The rows of a pass, by the check that they belong to. */
export function collectFindings(
  rows: readonly RowOf<AuditPass['statement']>[],
  checks: AuditPass['checks'],
): AuditFinding[] {
  const findings = new Map<string, AuditFinding>()
  for (const row of rows) {
    const check = row.check_name
    const guarantee = present(checks[check], `the guarantee of the check ${check}`)
    const finding = findings.get(check) ?? {
      check,
      guarantee,
      count: toSafeInteger(row.row_count),
      rows: [],
    }
    assert(isRecord(row.facts), 'the evidence of a check is an object')
    finding.rows.push(row.facts)
    assert(finding.rows.length <= sampleSize, 'a check gives a sample and not all of its rows')
    findings.set(check, finding)
  }
  return [...findings.values()]
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
