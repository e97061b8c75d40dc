/**
 * Builds the manifests as deploy/scripts/deploy.sh does, with the kustomize that is here: that of
 * kubectl, kustomize itself, or one that Go builds from its module.
 */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deployFolder } from './paths.ts'
import { expectTool, findTool } from './tool.ts'

const kustomizeModule = 'sigs.k8s.io/kustomize/kustomize/v5@v5.8.1'

/** An image by digest, in the form that a release has. */
export const exampleImage = `123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/tallystick@sha256:${'0123456789abcdef'.repeat(4)}`

export interface Kustomize {
  tool: string
  /** What deploy.sh would apply: the migration and the server. */
  renderRelease(environment: string): Promise<string>
  /** A kustomization of the folder `overlays` with other parts in it. */
  renderVariant(kustomization: string): Promise<string>
  /** The overlay `local`, with keys of its own. */
  renderLocal(): Promise<string>
  close(): void
}

/** Undefined where there is neither kubectl nor kustomize nor Go. */
export async function openKustomize(): Promise<Kustomize | undefined> {
  // A copy, since keys and variants are written into it.
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-manifests-'))
  const close = () => rmSync(folder, { recursive: true, force: true })
  for (const part of ['kubernetes', 'docker', 'scripts']) {
    cpSync(join(deployFolder, part), join(folder, part), { recursive: true })
  }
  const found = await findKustomize(folder)
  if (!found) {
    close()
    return undefined
  }
  const { kubectl, tool } = found
  const overlays = join(folder, 'kubernetes/overlays')
  const build = (path: string) => expectTool(kubectl, ['kustomize', path])
  return {
    tool,
    close,
    renderRelease: (environment) =>
      expectTool(join(folder, 'scripts/deploy.sh'), ['--render', environment, exampleImage], {
        environment: { KUBECTL: kubectl },
      }),
    renderVariant(kustomization) {
      const variant = join(overlays, 'variant')
      mkdirSync(variant, { recursive: true })
      writeFileSync(join(variant, 'kustomization.yaml'), kustomization)
      return build(variant)
    },
    async renderLocal() {
      const keys = join(overlays, 'local/keys')
      await expectTool('sh', [join(folder, 'docker/make-keys.sh'), keys])
      return build(join(overlays, 'local'))
    },
  }
}

/** Something that understands `kubectl kustomize FOLDER`. */
async function findKustomize(
  folder: string,
): Promise<{ kubectl: string; tool: string } | undefined> {
  const kubectl = findTool('kubectl')
  if (kubectl !== undefined) {
    const versions = await expectTool(kubectl, ['version', '--client'])
    const kustomize = /Kustomize Version: (\S+)/.exec(versions)?.[1] ?? 'unknown'
    return { kubectl, tool: `kustomize ${kustomize} of kubectl` }
  }
  const kustomize = findTool('kustomize')
  const go = findTool('go')
  if (kustomize === undefined && go === undefined) return undefined
  const words = kustomize === undefined ? `${go} run ${kustomizeModule}` : kustomize
  const stub = join(folder, 'kubectl')
  writeFileSync(stub, `#!/bin/sh\nshift\nexec ${words} build "$@"\n`)
  chmodSync(stub, 0o755)
  const version = kustomize === undefined ? 'v5.8.1' : await expectTool(kustomize, ['version'])
  return { kubectl: stub, tool: `kustomize ${version.trim()}` }
}
