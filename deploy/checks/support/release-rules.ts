/** The rights of the workflow that releases are exactly those that its manifests need. */
import { listAt, textAt, type Manifest } from './manifest.ts'

/** Kinds whose resource is not their name in lower case and an `s`. */
const irregular: Readonly<Record<string, string>> = {
  Ingress: 'ingresses',
  NetworkPolicy: 'networkpolicies',
}

/** Objects of a release that the Role does not let its holder apply. */
export function findMissingRights(
  released: readonly Manifest[],
  rights: readonly Manifest[],
): string[] {
  const rules = rights
    .filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')
    .flatMap(({ value }) => listAt(value, 'rules'))
  return released.flatMap(({ apiVersion, kind }) => {
    const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
    const resource = irregular[kind] ?? `${kind.toLowerCase()}s`
    const rule = rules.find(
      (candidate) =>
        listAt(candidate, 'apiGroups').includes(group) &&
        listAt(candidate, 'resources').includes(resource),
    )
    return ['get', 'patch']
      .filter((verb) => !listAt(rule, 'verbs').includes(verb))
      .map((verb) => `the workflow may not ${verb} ${resource}`)
  })
}

/** A release needs no secret and gives no rights. */
export function findExcessRights(rights: readonly Manifest[]): string[] {
  const texts = rights
    .flatMap(({ value }) => listAt(value, 'rules'))
    .flatMap((rule) => ['apiGroups', 'resources', 'verbs'].flatMap((path) => listAt(rule, path)))
    .map(String)
  const excess = ['*', 'secrets', 'roles', 'rolebindings', 'escalate', 'bind', 'impersonate']
  const everywhere = rights
    .filter(({ value }) => textAt(value, 'roleRef.kind') === 'ClusterRole')
    .filter(({ value }) => textAt(value, 'roleRef.name') !== 'tallystick-deployers')
  return [
    ...excess.filter((word) => texts.includes(word)).map((word) => `the workflow has ${word}`),
    ...everywhere.map(({ name }) => `the binding ${name} gives the rights of another role`),
  ]
}
