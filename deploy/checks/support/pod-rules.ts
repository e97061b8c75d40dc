/** Rules for what runs: rights, probes, limits, images. */
import { at, listAt, numberAt, textAt, textsAt } from './manifest.ts'
import { findDifferences, ofKind, workloadsOf, type Rule } from './rules.ts'

export const podsHaveNoRights: Rule = (manifests) =>
  workloadsOf(manifests).flatMap(({ title, template, containers }) => [
    ...findDifferences(title, template, {
      'spec.automountServiceAccountToken': false,
      'spec.securityContext.runAsNonRoot': true,
      'spec.securityContext.seccompProfile.type': 'RuntimeDefault',
      'spec.hostNetwork': undefined,
      'spec.hostPID': undefined,
    }),
    ...containers.flatMap((container) =>
      findDifferences(title, container, {
        'securityContext.allowPrivilegeEscalation': false,
        'securityContext.readOnlyRootFilesystem': true,
        'securityContext.capabilities.drop': ['ALL'],
        'securityContext.capabilities.add': undefined,
        'securityContext.privileged': undefined,
      }),
    ),
  ])

export const containersHaveLimits: Rule = (manifests) =>
  workloadsOf(manifests).flatMap(({ title, containers }) =>
    containers.flatMap((container) =>
      ['requests.cpu', 'requests.memory', 'limits.memory']
        .filter((path) => textAt(container, `resources.${path}`) === undefined)
        .map((path) => `${title}: a container has no resources.${path}`),
    ),
  )

export const imagesHaveDigests: Rule = (manifests) =>
  workloadsOf(manifests).flatMap(({ title, containers }) =>
    containers
      .map((container) => textAt(container, 'image') ?? 'none')
      .filter((image) => !/@sha256:[0-9a-f]{64}$/.test(image))
      .map((image) => `${title}: the image ${image} has no digest`),
  )

/** Readiness may depend on the database, liveness must not: a restart would not bring it back. */
export const serversHaveProbes: Rule = (manifests) =>
  workloadsOf(manifests)
    .filter(({ manifest }) => manifest.kind === 'Deployment')
    .flatMap(({ title, containers }) =>
      containers.flatMap((container) =>
        findDifferences(title, container, {
          'startupProbe.httpGet.path': '/livez',
          'livenessProbe.httpGet.path': '/livez',
          'readinessProbe.httpGet.path': '/readyz',
        }),
      ),
    )

/** No request is lost: a new pod first, and a stop that is longer than what a pod does in it. */
export const rolloutsLoseNothing: Rule = (manifests) =>
  ofKind(manifests, 'Deployment').flatMap((manifest) => {
    const title = `Deployment ${manifest.name}`
    const pod = at(manifest.value, 'spec.template.spec')
    const preStop = numberAt(listAt(pod, 'containers')[0], 'lifecycle.preStop.sleep.seconds') ?? 0
    const drain = Number.parseInt(settingsOf(manifests)['SHUTDOWN_TIMEOUT'] ?? '0', 10)
    const grace = numberAt(pod, 'terminationGracePeriodSeconds') ?? 30
    const problems = findDifferences(title, manifest.value, {
      'spec.strategy.rollingUpdate.maxUnavailable': 0,
    })
    if (preStop < 5) problems.push(`${title}: preStop leaves the endpoints no time`)
    if (preStop + drain + 10 > grace) {
      problems.push(`${title}: ${grace} s are too short for ${preStop} s and ${drain} s and a stop`)
    }
    const keys = listAt(pod, 'topologySpreadConstraints').map((spread) =>
      textAt(spread, 'topologyKey'),
    )
    const missing = ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].filter(
      (key) => !keys.includes(key),
    )
    return [...problems, ...missing.map((key) => `${title}: no spread over ${key}`)]
  })

/** The settings of the ConfigMap that the server has in its environment. */
export function settingsOf(manifests: Parameters<Rule>[0]): Record<string, string> {
  const names = workloadsOf(manifests).flatMap(({ containers }) =>
    containers.flatMap((container) =>
      listAt(container, 'envFrom').map((source) => textAt(source, 'configMapRef.name')),
    ),
  )
  const map = ofKind(manifests, 'ConfigMap').find(({ name }) => names.includes(name))
  return textsAt(map?.value, 'data')
}
