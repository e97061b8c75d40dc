/** The rules that every released set of manifests keeps; `local` keeps those that make sense there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { judge, type Check, type Verdict } from './support/check.ts'
import {
  connectionsFit,
  everythingIsInTheNamespace,
  nothingSecretIsWritten,
  onlyTheMigrationOwnsTheSchema,
  selectorsFindPods,
  settingsAreAccepted,
  theEdgeFits,
  trafficIsDeniedByDefault,
} from './support/cluster-rules.ts'
import { parseManifests } from './support/manifest.ts'
import { findExcessRights, findMissingRights } from './support/release-rules.ts'
import { openKustomize } from './support/kustomize.ts'
import { renderManifestSets, type ManifestSet } from './support/manifest-sets.ts'
import { deployFolder } from './support/paths.ts'
import {
  containersHaveLimits,
  imagesHaveDigests,
  podsHaveNoRights,
  rolloutsLoseNothing,
  serversHaveProbes,
} from './support/pod-rules.ts'
import type { Rule } from './support/rules.ts'

const rulesForAll: readonly Rule[] = [
  containersHaveLimits,
  everythingIsInTheNamespace,
  podsHaveNoRights,
  rolloutsLoseNothing,
  selectorsFindPods,
  serversHaveProbes,
  settingsAreAccepted,
  theEdgeFits,
]

const rulesForReleases: readonly Rule[] = [
  imagesHaveDigests,
  nothingSecretIsWritten,
  onlyTheMigrationOwnsTheSchema,
  trafficIsDeniedByDefault,
]

export const check: Check = {
  name: 'kubernetes: policies',
  async run(): Promise<Verdict> {
    const kustomize = await openKustomize()
    if (!kustomize) {
      const reason = 'neither kubectl nor kustomize nor Go is here'
      return { kind: 'skipped', tool: 'kustomize', reason }
    }
    try {
      const sets = await renderManifestSets(kustomize)
      const problems = sets.flatMap((set) =>
        rulesOf(set).flatMap((rule) => rule(set.manifests).map((text) => `${set.name}: ${text}`)),
      )
      problems.push(...findRightsProblems(sets))
      const count = rulesForAll.length + rulesForReleases.length + 3
      return judge(kustomize.tool, problems, `${count} rules, the limit of connections among them`)
    } finally {
      kustomize.close()
    }
  },
}

function rulesOf({ name, isReleased }: ManifestSet): readonly Rule[] {
  if (!isReleased) return rulesForAll
  return [...rulesForAll, ...rulesForReleases, connectionsFit(readConnectionsMax(name))]
}

function findRightsProblems(sets: readonly ManifestSet[]): string[] {
  const file = join(deployFolder, 'kubernetes/access/deployer.yaml')
  const rights = parseManifests(readFileSync(file, 'utf8'))
  const released = sets.filter(({ isReleased }) => isReleased).flatMap((set) => set.manifests)
  return [...findMissingRights(released, rights), ...findExcessRights(rights)]
}

/** What the database of an environment takes, as its environment.env says. */
function readConnectionsMax(environment: string): number {
  const folder = join(deployFolder, 'kubernetes/overlays', environment, 'settings')
  const text = readFileSync(join(folder, 'environment.env'), 'utf8')
  return Number(/^DATABASE_MAX_CONNECTIONS=(\d+)$/m.exec(text)?.[1])
}
