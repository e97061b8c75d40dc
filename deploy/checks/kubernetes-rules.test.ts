/** Each rule of the manifests is broken once, and says so. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as cluster from './support/cluster-rules.ts'
import { openKustomize, type Kustomize } from './support/kustomize.ts'
import { parseManifests } from './support/manifest.ts'
import { deployFolder } from './support/paths.ts'
import * as pods from './support/pod-rules.ts'
import { findExcessRights, findMissingRights } from './support/release-rules.ts'
import type { Rule } from './support/rules.ts'

/** A rule, and a change of the text of the manifests that breaks it. */
const breaks: readonly (readonly [string, Rule, string | RegExp, string])[] = [
  [
    'a token is mounted',
    pods.podsHaveNoRights,
    /automountServiceAccountToken: false\n {6}containers/,
    'automountServiceAccountToken: true\n      containers',
  ],
  [
    'a root that can be written',
    pods.podsHaveNoRights,
    'readOnlyRootFilesystem: true',
    'readOnlyRootFilesystem: false',
  ],
  ['capabilities', pods.podsHaveNoRights, '- ALL', '- NET_RAW'],
  ['no limit', pods.containersHaveLimits, /limits:\n\s+memory: 1Gi/, ''],
  ['a tag', pods.imagesHaveDigests, /tallystick@sha256:\w+/g, 'tallystick:latest'],
  ['liveness that depends on the database', pods.serversHaveProbes, /livez/g, 'readyz'],
  ['a pod fewer in a rollout', pods.rolloutsLoseNothing, 'maxUnavailable: 0', 'maxUnavailable: 1'],
  [
    'a stop that is cut',
    pods.rolloutsLoseNothing,
    'SHUTDOWN_TIMEOUT: 25s',
    'SHUTDOWN_TIMEOUT: 55s',
  ],
  ['one zone', pods.rolloutsLoseNothing, 'topology.kubernetes.io/zone', 'kubernetes.io/os'],
  [
    'a foreign namespace',
    cluster.everythingIsInTheNamespace,
    /namespace: tallystick/,
    'namespace: default',
  ],
  [
    'a selector without pods',
    cluster.selectorsFindPods,
    /(kind: Service\n[\s\S]*?selector:\s+app.kubernetes.io\/component: )server/,
    '$1nobody',
  ],
  ['a setting that is misspelt', cluster.settingsAreAccepted, 'LOG_LEVEL:', 'LOG_LEVL:'],
  ['a value that is refused', cluster.settingsAreAccepted, 'WAIT_DB: 60s', 'WAIT_DB: soon'],
  [
    'a secret in the ConfigMap',
    cluster.nothingSecretIsWritten,
    'LOG_FORMAT: json',
    'DATABASE_URL: postgresql://a:b@c/d',
  ],
  [
    'the owner in the server',
    cluster.onlyTheMigrationOwnsTheSchema,
    /(kind: Deployment[\s\S]*?volumes:\n)/,
    '$1      - name: owner\n        secret:\n          secretName: tallystick-migrate\n',
  ],
  [
    'an open network',
    cluster.trafficIsDeniedByDefault,
    /podSelector: {}/g,
    'podSelector: {matchLabels: {a: b}}',
  ],
  [
    'another issuer of tokens',
    cluster.theEdgeFits,
    /TOKEN_ISSUER: .*/,
    'TOKEN_ISSUER: https://elsewhere.example',
  ],
  [
    'an annotation of the archived controller',
    cluster.theEdgeFits,
    'nginx.org/hsts:',
    'nginx.ingress.kubernetes.io/hsts:',
  ],
  ['too many connections', cluster.connectionsFit(400), /maxReplicas: \d+/, 'maxReplicas: 40'],
  ['one pod', cluster.connectionsFit(400), 'minReplicas: 2', 'minReplicas: 1'],
]

describe('rules of the manifests', () => {
  let kustomize: Kustomize | undefined
  let text = ''

  beforeAll(async () => {
    kustomize = await openKustomize()
    text = (await kustomize?.renderRelease('production')) ?? ''
  })
  afterAll(() => kustomize?.close())

  it.for(breaks)('%s is found', ([, rule, from, to], { skip }) => {
    if (text === '') skip('there is no kustomize')
    expect(rule(parseManifests(text))).toEqual([])
    const broken = text.replace(from, to)
    expect(broken).not.toBe(text)
    expect(rule(parseManifests(broken))).not.toEqual([])
  })

  it('a right that a release needs and lacks, and one that it does not need, are found', ({
    skip,
  }) => {
    if (text === '') skip('there is no kustomize')
    const file = join(deployFolder, 'kubernetes/access/deployer.yaml')
    const rights = readFileSync(file, 'utf8')
    const released = parseManifests(text)
    expect(findMissingRights(released, parseManifests(rights))).toEqual([])
    expect(findExcessRights(parseManifests(rights))).toEqual([])
    const fewer = parseManifests(rights.replace('networkpolicies', 'none'))
    expect(findMissingRights(released, fewer)).not.toEqual([])
    const more = parseManifests(rights.replace('[configmaps,', '[secrets, configmaps,'))
    expect(findExcessRights(more)).not.toEqual([])
  })
})
