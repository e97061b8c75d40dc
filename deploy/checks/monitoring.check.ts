/**
 * Alerts and dashboard: promtool takes the rules and their tests pass; every metric that they name
 * is one that the server exposes, or one of an exporter that is listed here; every alert has its
 * section in the runbook.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { createMetrics } from '../../server/src/telemetry/metrics.ts'
import { createTestFolder } from '../../test/support/postgres.ts'
import { judge, type Check, type Verdict } from './support/check.ts'
import { deployFolder, projectFolder } from './support/paths.ts'
import { expectTool, findTool, runTool } from './support/tool.ts'

const folder = join(deployFolder, 'kubernetes/components/monitoring')
const runbookFile = 'docs/operating/incident.md'

/** Not ours: whose they are. */
const foreignMetrics: Readonly<Record<string, string>> = {
  certmanager_certificate_expiration_timestamp_seconds: 'cert-manager',
  certmanager_certificate_ready_status: 'cert-manager',
  pg_replication_lag_seconds: 'postgres_exporter',
}

export const check: Check = {
  name: 'monitoring: alerts and dashboard',
  async run(): Promise<Verdict> {
    const { groups, alerts, expressions } = readRules()
    const panels = readPanels()
    const problems = [
      ...(await findMetricProblems([...expressions, ...panels])),
      ...findRunbookProblems(alerts),
    ]
    const counts = `${alerts.length} alerts, ${panels.length} queries of the dashboard`
    if (findTool('promtool') === undefined) {
      if (problems.length > 0) return judge('promtool', problems)
      const reason = `${counts} name metrics that exist; no promtool: apt-get install prometheus`
      return { kind: 'skipped', tool: 'promtool', reason }
    }
    problems.push(...(await findRuleProblems(groups)))
    const { output, complaints } = await runTool('promtool', ['--version'])
    const version = /version (\S+)/.exec(output + complaints)?.[1] ?? 'unknown'
    return judge(`promtool ${version.split('+')[0]}`, problems, counts)
  },
}

interface Rules {
  groups: unknown
  alerts: { name: string; runbook: string }[]
  expressions: string[]
}

function readRules(): Rules {
  const manifest: unknown = parse(readFileSync(join(folder, 'prometheus-rule.yaml'), 'utf8'))
  const groups = memberOf(memberOf(manifest, 'spec'), 'groups')
  const rules = listOf(groups).flatMap((group) => listOf(memberOf(group, 'rules')))
  return {
    groups,
    alerts: rules.map((rule) => ({
      name: String(memberOf(rule, 'alert')),
      runbook: String(memberOf(memberOf(rule, 'annotations'), 'runbook')),
    })),
    expressions: rules.map((rule) => String(memberOf(rule, 'expr'))),
  }
}

function readPanels(): string[] {
  const dashboard: unknown = JSON.parse(readFileSync(join(folder, 'dashboard.json'), 'utf8'))
  return listOf(memberOf(dashboard, 'panels'))
    .flatMap((panel) => listOf(memberOf(panel, 'targets')))
    .map((target) => String(memberOf(target, 'expr')))
}

/** What stands on the left of a brace, a bracket, a parenthesis or a blank and looks like a metric. */
async function findMetricProblems(expressions: readonly string[]): Promise<string[]> {
  const metrics = createMetrics({ version: 'check' })
  const exposed = await metrics.render()
  metrics.stop()
  const types = new Map(
    [...exposed.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]),
  )
  const isExposed = (name: string) => {
    const base = name.replace(/_(bucket|count|sum)$/, '')
    return types.has(name) || (base !== name && types.get(base) === 'histogram')
  }
  const named = new Set(
    expressions
      .map((text) => text.replaceAll(/"[^"]*"|\bby \([^)]*\)/g, ''))
      .flatMap((text) => text.match(/\b[a-z]+(_[a-z0-9]+)+\b/g) ?? []),
  )
  const functions = new Set([
    'histogram_quantile',
    'min_over_time',
    'rate_interval',
    '__rate_interval',
  ])
  const unknown = [...named].filter(
    (name) => !functions.has(name) && !isExposed(name) && !(name in foreignMetrics),
  )
  const problems = unknown.map((name) => `${name} is in nobody's /metrics`)
  return named.size > 10 ? problems : [...problems, 'no metrics were found in the expressions']
}

function findRunbookProblems(alerts: Rules['alerts']): string[] {
  const runbook = readFileSync(join(projectFolder, runbookFile), 'utf8')
  const sections = [...runbook.matchAll(/^## (\w+)$/gm)].map(([, name = '']) => name)
  return alerts.flatMap(({ name, runbook: link }) => {
    const isLinked = link === `${runbookFile}#${name.toLowerCase()}`
    return isLinked && sections.includes(name)
      ? []
      : [`the alert ${name} has no section of ${link}`]
  })
}

async function findRuleProblems(groups: unknown): Promise<string[]> {
  const work = await createTestFolder()
  try {
    const rules = join(work.path, 'rules.yaml')
    const tests = join(work.path, 'tests.yaml')
    writeFileSync(rules, stringify({ groups }))
    copyFileSync(join(folder, 'alerts.promtest.yaml'), tests)
    await expectTool('promtool', ['check', 'rules', '--lint-fatal', rules])
    const { exitCode, output, complaints } = await runTool('promtool', ['test', 'rules', tests])
    return exitCode === 0 ? [] : `${output}${complaints}`.trim().split('\n')
  } finally {
    await work.remove()
  }
}

function memberOf(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null
  return isObject ? new Map(Object.entries(value)).get(name) : undefined
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
