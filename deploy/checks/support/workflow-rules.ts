/** Rules of the workflows, on the parsed files. */
import { parse } from 'yaml'
import { at, listAt, textAt } from './manifest.ts'

export interface Workflow {
  /** Such as `ci`. */
  name: string
  value: unknown
}

export function parseWorkflow(name: string, text: string): Workflow {
  return { name, value: parse(text) }
}

export function findWorkflowProblems(workflows: readonly Workflow[]): string[] {
  return workflows.flatMap((workflow) =>
    [
      ...findPermissionProblems(workflow),
      ...findActionProblems(workflow),
      ...findStepProblems(workflow),
      ...findGateProblems(workflow, workflows),
    ].map((text) => `${workflow.name}: ${text}`),
  )
}

interface Job {
  name: string
  value: unknown
}

function jobsOf({ value }: Workflow): Job[] {
  const jobs = at(value, 'jobs')
  if (typeof jobs !== 'object' || jobs === null) return []
  return Object.entries(jobs).map(([name, job]) => ({ name, value: job }))
}

function stepsOf({ value }: Job): unknown[] {
  return listAt(value, 'steps')
}

/** A workflow may read; a job may have an OIDC token besides, and nothing else. */
function findPermissionProblems(workflow: Workflow): string[] {
  const whole = JSON.stringify(at(workflow.value, 'permissions'))
  const problems = whole === '{"contents":"read"}' ? [] : [`permissions are ${whole}`]
  const excess = jobsOf(workflow).flatMap(({ name, value }) =>
    Object.entries(at(value, 'permissions') ?? {})
      .filter(([key, right]) => !(key === 'contents' && right === 'read'))
      .filter(([key, right]) => !(key === 'id-token' && right === 'write'))
      .map(([key, right]) => `the job ${name} has the permission ${key}: ${String(right)}`),
  )
  return [...problems, ...excess]
}

function findActionProblems(workflow: Workflow): string[] {
  const used = jobsOf(workflow).flatMap((job) =>
    [job.value, ...stepsOf(job)].map((value) => textAt(value, 'uses')),
  )
  return used
    .filter((uses) => uses !== undefined && !uses.startsWith('./'))
    .filter((uses) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/.test(uses ?? ''))
    .map((uses) => `${uses} is not pinned by commit`)
}

/** No key of AWS, no secret, and no text of others in a script. */
function findStepProblems(workflow: Workflow): string[] {
  return jobsOf(workflow).flatMap((job) => {
    const problems = stepsOf(job).flatMap((step) => {
      const script = textAt(step, 'run') ?? ''
      const uses = textAt(step, 'uses') ?? ''
      return [
        ...(script.includes('${{')
          ? [`a script of the job ${job.name} has an expression in it`]
          : []),
        ...(uses.startsWith('actions/checkout@') && at(step, 'with.persist-credentials') !== false
          ? [`the job ${job.name} leaves its token in the checkout`]
          : []),
      ]
    })
    if (/secrets\.|aws-access-key-id/i.test(JSON.stringify(job.value))) {
      problems.push(`the job ${job.name} uses a secret`)
    }
    if (textAt(job.value, 'uses') === undefined && at(job.value, 'timeout-minutes') === undefined) {
      problems.push(`the job ${job.name} has no limit of time`)
    }
    return problems
  })
}

/** Whatever gets an OIDC token waits for ci, and is in an environment, whose rules people set. */
function findGateProblems(workflow: Workflow, all: readonly Workflow[]): string[] {
  const isCalled = Object.hasOwn(Object(at(workflow.value, 'on')), 'workflow_call')
  return jobsOf(workflow)
    .filter(({ value }) => at(value, 'permissions.id-token') === 'write')
    .flatMap(({ name, value }) => {
      const called = textAt(value, 'uses')
      if (called !== undefined) {
        const exists = all.some((other) => called === `./.github/workflows/${other.name}.yml`)
        const needs = [at(value, 'needs')].flat()
        return [
          ...(exists ? [] : [`${called} is not there`]),
          ...(needs.includes('ci') ? [] : [`the job ${name} does not wait for ci`]),
        ]
      }
      const isByHand = JSON.stringify(at(workflow.value, 'on') ?? {}).includes('workflow_dispatch')
      return [
        ...(at(value, 'environment') === undefined ? [`the job ${name} has no environment`] : []),
        ...(isCalled || isByHand ? [] : [`the job ${name} does not wait for ci`]),
      ]
    })
}
