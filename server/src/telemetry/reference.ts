/** docs/reference/metrics.md, made from the table of instruments; see tools/generate-reference.ts. */
import { instruments, type Instrument } from './instruments.ts'

export function createMetricsReference(): string {
  const rows = Object.entries<Instrument>(instruments).map(([name, { type, help, labels }]) => {
    const labelText = labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${type} | ${labelText} | ${help} |`
  })
  return `${introduction}\n| name | type | labels | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`
}

const introduction = `<!-- Generated from server/src/telemetry/instruments.ts by \`npm run generate\`. -->

# Metrics

\`GET /metrics\` on METRICS_ADDRESS gives these in the text format of Prometheus, besides the usual
\`process_*\` and \`nodejs_*\` ones of the runtime (memory, CPU, garbage collection, file descriptors).
Everything is in base units: seconds, bytes, counts.
`
