/** The parts that rules of manifests share. */
import { at, listAt, type Manifest } from './manifest.ts'

/** What is wrong with a set of manifests, one sentence each; empty when it keeps the rule. */
export type Rule = (manifests: readonly Manifest[]) => string[]

export function ofKind(manifests: readonly Manifest[], kind: string): Manifest[] {
  return manifests.filter((manifest) => manifest.kind === kind)
}

export interface Workload {
  /** Such as `Deployment tallystick`. */
  title: string
  manifest: Manifest
  /** The pod's metadata and spec. */
  template: unknown
  containers: unknown[]
}

export function workloadsOf(manifests: readonly Manifest[]): Workload[] {
  return manifests
    .filter(({ kind }) => ['Deployment', 'StatefulSet', 'DaemonSet', 'Job'].includes(kind))
    .map((manifest) => {
      const template = at(manifest.value, 'spec.template')
      const containers = ['initContainers', 'containers'].flatMap((name) =>
        listAt(template, `spec.${name}`),
      )
      return { title: `${manifest.kind} ${manifest.name}`, manifest, template, containers }
    })
}

/** Says of each member of a path what it is and should be, where they differ. */
export function findDifferences(
  title: string,
  value: unknown,
  expected: Readonly<Record<string, unknown>>,
): string[] {
  return Object.entries(expected)
    .filter(([path, wanted]) => JSON.stringify(at(value, path)) !== JSON.stringify(wanted))
    .map(([path, wanted]) => {
      const found = JSON.stringify(at(value, path)) ?? 'absent'
      return `${title}: ${path} is ${found} and should be ${JSON.stringify(wanted)}`
    })
}
