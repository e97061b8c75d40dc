/** Rules of compose.yaml, on the parsed file. */
import { at, listAt, textAt } from './manifest.ts'

export function findComposeProblems(compose: unknown): string[] {
  const services = at(compose, 'services')
  if (typeof services !== 'object' || services === null) return ['there are no services']
  return Object.entries(services).flatMap(([name, service]) =>
    findServiceProblems(name, service).map((text) => `${name}: ${text}`),
  )
}

function findServiceProblems(name: string, service: unknown): string[] {
  const problems: string[] = []
  const image = textAt(service, 'image') ?? ''
  if (at(service, 'build') === undefined && !/@sha256:[0-9a-f]{64}$/.test(image)) {
    problems.push(`the image ${image} has no digest`)
  }
  if (!listAt(service, 'security_opt').includes('no-new-privileges:true')) {
    problems.push('a process may gain privileges')
  }
  // PostgreSQL's own image starts as root, makes its folder, and steps down.
  if (name !== 'postgres') {
    if (at(service, 'read_only') !== true) problems.push('the root can be written')
    if (!listAt(service, 'cap_drop').includes('ALL')) problems.push('capabilities are left')
  }
  for (const port of listAt(service, 'ports')) {
    if (!String(port).startsWith('127.0.0.1:')) problems.push(`the port ${String(port)} is open`)
  }
  for (const [key, value] of Object.entries(at(service, 'environment') ?? {})) {
    if (/PASSWORD|SECRET|TOKEN|DATABASE_URL/.test(key) && !key.endsWith('_FILE')) {
      problems.push(`${key}=${String(value)} is written down`)
    }
  }
  const needs = at(service, 'depends_on')
  for (const [other, condition] of Object.entries(needs ?? {})) {
    if (textAt(condition, 'condition') === 'service_started') {
      problems.push(`it does not wait for ${other}`)
    }
  }
  if (['server', 'postgres'].includes(name)) {
    for (const member of ['healthcheck', 'stop_grace_period', 'restart', 'depends_on']) {
      if (at(service, member) === undefined) problems.push(`${member} is missing`)
    }
  }
  return problems
}
