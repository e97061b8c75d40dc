/** Rules for how the objects fit together, and to the program and its database. */
import { randomBytes } from 'node:crypto'
import { loadConfig } from '../../../server/src/config/config.ts'
import { settings } from '../../../server/src/config/settings.ts'
import { at, listAt, numberAt, textAt, textsAt } from './manifest.ts'
import { settingsOf } from './pod-rules.ts'
import { ofKind, workloadsOf, type Rule } from './rules.ts'

const ledgerAccountConnections = 4
const jobConnections = 4
/** For people, monitoring, a migration and the superuser's reserve. */
const otherConnections = 20

export const everythingIsInTheNamespace: Rule = (manifests) =>
  manifests
    .filter(({ kind }) => kind !== 'Namespace')
    .filter(({ namespace }) => namespace !== 'tallystick')
    .map(({ kind, name, namespace }) => `${kind} ${name} is in the namespace ${namespace}`)

export const selectorsFindPods: Rule = (manifests) => {
  const pods = workloadsOf(manifests).map(({ template }) => template)
  const selectors = [
    ...ofKind(manifests, 'Service').map(({ name, value }) => ({
      title: `Service ${name}`,
      labels: textsAt(value, 'spec.selector'),
    })),
    ...ofKind(manifests, 'PodDisruptionBudget').map(({ name, value }) => ({
      title: `PodDisruptionBudget ${name}`,
      labels: textsAt(value, 'spec.selector.matchLabels'),
    })),
  ]
  return selectors
    .filter(
      ({ labels }) =>
        !pods.some((pod) => {
          const carried = textsAt(pod, 'metadata.labels')
          return Object.entries(labels).every(([key, text]) => carried[key] === text)
        }),
    )
    .map(({ title }) => `${title} selects no pod`)
}

/** The program itself judges its settings, with secrets of the right form beside them. */
export const settingsAreAccepted: Rule = (manifests) => {
  const given = settingsOf(manifests)
  const known = new Set<string>(Object.keys(settings))
  const unknown = Object.keys(given).filter((key) => !known.has(key))
  const secrets = {
    DATABASE_URL: 'postgresql://tallystick:password@db.internal:5432/tallystick',
    TOKEN_SYMMETRIC_KEY: randomBytes(32).toString('hex'),
  }
  try {
    loadConfig({ environment: { ...given, ...secrets } }, { purpose: 'server' })
    return unknown.map((key) => `the ConfigMap has ${key}, which is no setting`)
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

function isSecret(key: string): boolean {
  return Object.entries(settings).some(([name, setting]) => name === key && 'secret' in setting)
}

/** What is secret comes from a Secret that is not in the repository. */
export const nothingSecretIsWritten: Rule = (manifests) => {
  const written = [
    ...Object.keys(settingsOf(manifests)),
    ...workloadsOf(manifests).flatMap(({ containers }) =>
      containers.flatMap((container) =>
        listAt(container, 'env')
          .filter((variable) => textAt(variable, 'value') !== undefined)
          .map((variable) => textAt(variable, 'name') ?? ''),
      ),
    ),
  ].filter(isSecret)
  return [
    ...written.map((key) => `${key} is written down`),
    ...ofKind(manifests, 'Secret').map(({ name }) => `the Secret ${name} is written down`),
  ]
}

/** The server never gets the login that owns the schema. */
export const onlyTheMigrationOwnsTheSchema: Rule = (manifests) =>
  workloadsOf(manifests).flatMap(({ title, manifest, template }) => {
    const expected = manifest.kind === 'Job' ? 'tallystick-migrate' : 'tallystick-server'
    const names = listAt(template, 'spec.volumes')
      .map((volume) => textAt(volume, 'secret.secretName'))
      .filter((name) => name !== undefined)
    return names
      .filter((name) => name !== expected)
      .map((name) => `${title} mounts ${name} and not ${expected}`)
  })

export const trafficIsDeniedByDefault: Rule = (manifests) => {
  const policies = ofKind(manifests, 'NetworkPolicy')
  const denies = policies.some(
    ({ value }) =>
      JSON.stringify(at(value, 'spec')) ===
      JSON.stringify({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
  )
  const open = policies.flatMap(({ name, value }) =>
    ['ingress', 'egress'].flatMap((direction) =>
      listAt(value, `spec.${direction}`)
        .filter((rule) => listAt(rule, 'ports').length === 0)
        .map(() => `the NetworkPolicy ${name} opens every port of ${direction}`),
    ),
  )
  return denies ? open : [...open, 'there is no NetworkPolicy that denies by default']
}

/** One host everywhere, and no annotation of the archived controller, which would do nothing. */
export const theEdgeFits: Rule = (manifests) =>
  ofKind(manifests, 'Ingress').flatMap(({ name, value }) => {
    const host = textAt(value, 'spec.rules.0.host')
    const issuer = textsAt(value, 'metadata.annotations')['cert-manager.io/issuer']
    const problems = Object.keys(textsAt(value, 'metadata.annotations'))
      .filter((key) => key.startsWith('nginx.ingress.kubernetes.io/'))
      .map((key) => `the Ingress ${name} has ${key}`)
    if (textAt(value, 'spec.tls.0.hosts.0') !== host) problems.push(`${host} has no certificate`)
    if (settingsOf(manifests)['TOKEN_ISSUER'] !== `https://${host}`) {
      problems.push(`TOKEN_ISSUER is not https://${host}`)
    }
    if (!ofKind(manifests, 'Issuer').some((manifest) => manifest.name === issuer)) {
      problems.push(`the Ingress ${name} wants the Issuer ${issuer}, which is not there`)
    }
    return problems
  })

/** At least two pods, and never more connections than the database takes, in a rollout too. */
export function connectionsFit(databaseConnectionsMax: number): Rule {
  return (manifests) =>
    ofKind(manifests, 'HorizontalPodAutoscaler').flatMap(({ name, value }) => {
      const given = settingsOf(manifests)
      const ofPod =
        Number(given['DATABASE_POOL_SIZE']) +
        Number(given['LEDGER_BATCHES_IN_FLIGHT']) +
        ledgerAccountConnections +
        jobConnections
      const deployment = ofKind(manifests, 'Deployment').find(
        (manifest) => manifest.name === textAt(value, 'spec.scaleTargetRef.name'),
      )
      const surge = numberAt(deployment?.value, 'spec.strategy.rollingUpdate.maxSurge') ?? Infinity
      const pods = (numberAt(value, 'spec.maxReplicas') ?? Infinity) + surge
      const needed = pods * ofPod + otherConnections
      const problems =
        (numberAt(value, 'spec.minReplicas') ?? 1) >= 2
          ? []
          : [`the HorizontalPodAutoscaler ${name} allows one pod`]
      return needed < databaseConnectionsMax
        ? problems
        : [...problems, `${pods} pods need ${needed} connections of ${databaseConnectionsMax}`]
    })
}
