/**
 * Every overlay and component builds, and every object that comes out has the type that its
 * apiVersion and kind say: a field that is unknown, misspelt or of the wrong form does not compile.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { judge, type Check, type Verdict } from './support/check.ts'
import { openKustomize } from './support/kustomize.ts'
import { at, parseManifests, type Manifest } from './support/manifest.ts'
import { renderManifestSets } from './support/manifest-sets.ts'
import { deployFolder, projectFolder } from './support/paths.ts'
import { runTool } from './support/tool.ts'

/** Files that are applied as they stand. */
const plainFiles = [
  'kubernetes/legacy/aws-auth.yaml',
  'kubernetes/access/deployer.yaml',
  'kubernetes/controllers/network-policy.yaml',
]

const packages: readonly (readonly [RegExp, string])[] = [
  [/cert-manager\.io$/, '@kubernetes-models/cert-manager'],
  [/monitoring\.coreos\.com$/, '@kubernetes-models/prometheus-operator'],
  [/^gateway\.networking\.k8s\.io$/, '@kubernetes-models/gateway-api'],
]

export const check: Check = {
  name: 'kubernetes: builds and types',
  async run(): Promise<Verdict> {
    const kustomize = await openKustomize()
    if (!kustomize) {
      const reason = 'neither kubectl nor kustomize nor Go is here'
      return { kind: 'skipped', tool: 'kustomize', reason }
    }
    try {
      const sets = await renderManifestSets(kustomize)
      const plain = plainFiles.flatMap((file) =>
        parseManifests(readFileSync(join(deployFolder, file), 'utf8')),
      )
      const manifests = [...sets.flatMap((set) => set.manifests), ...plain]
      const tool = `${kustomize.tool}, kubernetes-models ${packageVersion('kubernetes-models')}`
      const detail = `${manifests.length} objects in ${sets.length} sets`
      return judge(tool, await findTypeProblems(manifests), detail)
    } finally {
      kustomize.close()
    }
  },
}

/** What the compiler says of the objects, each written down as a constant of its type. */
export async function findTypeProblems(manifests: readonly Manifest[]): Promise<string[]> {
  const unknown = manifests.filter((manifest) => !existsSync(`${typeFile(manifest)}.d.ts`))
  if (unknown.length > 0) {
    return unknown.map(({ apiVersion, kind }) => `there is no type for ${apiVersion} ${kind}`)
  }
  const folder = mkdtempSync(join(deployFolder, '.types-'))
  try {
    const files = manifests.map((manifest, index) => {
      const file = join(folder, `${index}.ts`)
      writeFileSync(file, describe(manifest))
      return file
    })
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig']
    const module = ['--module', 'nodenext', '--target', 'es2024', '--types', '']
    const tsc = join(projectFolder, 'node_modules/.bin/tsc')
    const { exitCode, output } = await runTool(tsc, [...options, ...module, ...files])
    if (exitCode === 0) return []
    return output
      .trim()
      .split('\n')
      .map((line) => line.replace(/^\S*?(\d+)\.ts/, (_, index: string) => nameOf(manifests, index)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function describe(manifest: Manifest): string {
  const { kind, value } = manifest
  const path = typeFile(manifest).replace(`${deployFolder}/node_modules/`, '')
  return `import type { I${kind} } from '${path}'\nexport const manifest: I${kind} = ${JSON.stringify(value, undefined, 2)}\n`
}

function typeFile({ apiVersion, kind }: Manifest): string {
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
  const name = packages.find(([pattern]) => pattern.test(group))?.[1] ?? 'kubernetes-models'
  // kubernetes-models has `apps` and `networking.k8s.io` as folders, and the core group as `v1`.
  return join(deployFolder, 'node_modules', name, apiVersion, kind)
}

function nameOf(manifests: readonly Manifest[], index: string): string {
  const manifest = manifests[Number(index)]
  return manifest ? `${manifest.kind} ${manifest.name}` : index
}

function packageVersion(name: string): string {
  const file = join(deployFolder, 'node_modules', name, 'package.json')
  return String(at(JSON.parse(readFileSync(file, 'utf8')), 'version'))
}
