/**
 * Writes the reference pages that are made from tables in the code. They are committed, and tests
 * fail when the committed text is not what the code would write.
 */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  createAppEnvExample,
  createConfigurationReference,
} from '../server/src/config/reference.ts'
import { projectDirectory } from '../server/src/config/sources.ts'
import { createProblemReference } from '../server/src/http/problem-reference.ts'
import { createMetricsReference } from '../server/src/telemetry/reference.ts'

const pages: Record<string, string> = {
  'docs/reference/configuration.md': createConfigurationReference(),
  'docs/reference/metrics.md': createMetricsReference(),
  'docs/reference/problems.md': createProblemReference(),
  'app.env.example': createAppEnvExample(),
}

for (const [path, text] of Object.entries(pages)) {
  writeFileSync(resolve(projectDirectory, path), text)
}
