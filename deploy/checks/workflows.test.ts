/** Each rule of the workflows is broken once, and says so. */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, it } from 'vitest'
import { projectFolder } from './support/paths.ts'
import { findWorkflowProblems, parseWorkflow } from './support/workflow-rules.ts'

const folder = join(projectFolder, '.github/workflows')
const texts = globSync('*.yml', { cwd: folder }).map((file) => ({
  name: basename(file, '.yml'),
  text: readFileSync(join(folder, file), 'utf8'),
}))

it.for([
  ['an action by tag', 'ci', /checkout@\w{40}/, 'checkout@v7'],
  ['a right to write', 'ci', 'contents: read', 'contents: write'],
  ['a right of a job', 'image', /id-token: write/, 'packages: write'],
  ['a text of others in a script', 'release', '"$ENVIRONMENT"', '"${{ github.head_ref }}"'],
  ['a token that stays', 'ci', /persist-credentials: false/, 'fetch-depth: 1'],
  ['a key of AWS', 'release', 'aws-region:', 'aws-access-key-id: a\n          aws-region:'],
  ['a secret', 'release', '${{ vars.SMOKE_URL }}', '${{ secrets.SMOKE_URL }}'],
  ['a job without an end', 'release', /timeout-minutes: \d+/, 'continue-on-error: false'],
  ['a release without ci', 'deploy', 'needs: [ci, image]', 'needs: [image]'],
  ['a workflow that is not there', 'deploy', 'workflows/image.yml', 'workflows/picture.yml'],
  ['a release without an environment', 'release', /environment: \${{.*\n/, 'name: release\n'],
] as const)('%s is found', ([, name, from, to]) => {
  const whole = texts.map((file) => parseWorkflow(file.name, file.text))
  expect(findWorkflowProblems(whole)).toEqual([])
  const broken = texts.map((file) => {
    if (file.name !== name) return parseWorkflow(file.name, file.text)
    const text = file.text.replace(from, to)
    expect(text).not.toBe(file.text)
    return parseWorkflow(file.name, text)
  })
  expect(findWorkflowProblems(broken)).not.toEqual([])
})
