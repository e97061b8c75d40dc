/**
 * Builds the image with buildah and without a registry, in a store of its own that is gone at the
 * end. The lines FROM of the Dockerfile name stand-ins instead of the pinned bases; everything else
 * is built as it stands.
 */
import { existsSync, mkdtempSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectFolder } from './paths.ts'
import { caFile, makeBuildRoot, makeRuntimeRoot } from './stand-in.ts'
import { expectTool } from './tool.ts'

export interface BuiltImage {
  /** The root of the image's files on this machine. */
  root: string
  /** Its configuration as the OCI image format has it. */
  config: ImageConfig
  remove(): Promise<void>
}

export interface ImageConfig {
  User: string
  Env: string[]
  Entrypoint: string[]
  Cmd: string[]
  WorkingDir: string
}

export async function buildImage(): Promise<BuiltImage> {
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-image-'))
  const store = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run')]
  const buildah = (words: readonly string[]) =>
    expectTool('buildah', [...store, '--storage-driver', 'vfs', ...words])
  const remove = async (): Promise<void> => {
    await buildah(['rm', '--all'])
    await buildah(['rmi', '--all', '--force'])
    await expectTool('rm', ['-rf', folder])
  }

  async function makeBase(name: string, make: (root: string) => Promise<void>): Promise<void> {
    const root = join(folder, name)
    mkdirSync(root)
    await make(root)
    const container = (await buildah(['from', 'scratch'])).trim()
    await buildah(['copy', container, root, '/'])
    // However npm is told here of a proxy's certificate, the one in the image needs it too.
    const settings = existsSync(caFile) ? ['--env', `NODE_EXTRA_CA_CERTS=${caFile}`] : []
    await buildah(['config', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', ...settings, container])
    await buildah(['commit', '--rm', container, `localhost/${name}`])
  }

  try {
    await makeBase('stand-in-node', makeBuildRoot)
    await makeBase('stand-in-distroless', makeRuntimeRoot)
    const dockerfile = join(folder, 'Dockerfile')
    writeFileSync(dockerfile, withStandIns(readFileSync(join(projectFolder, 'Dockerfile'), 'utf8')))
    const build = ['build', '--isolation', 'chroot', '--pull-never', '--format', 'oci']
    await buildah([...build, '--file', dockerfile, '--tag', 'localhost/tallystick', projectFolder])
    const container = (await buildah(['from', '--pull-never', 'localhost/tallystick'])).trim()
    const root = (await buildah(['mount', container])).trim()
    const described = await buildah(['inspect', '--type', 'image', 'localhost/tallystick'])
    return { root, config: readConfig(JSON.parse(described)), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Each pinned base is replaced by the stand-in for it; a base that has none is an error. */
function withStandIns(text: string): string {
  return text.replaceAll(/^FROM .*$/gm, (line) => {
    const stage = / AS \S+$/i.exec(line)?.[0] ?? ''
    if (/\snode:/.test(line)) return `FROM localhost/stand-in-node${stage}`
    if (/\sgcr\.io\/distroless\/nodejs24/.test(line))
      return `FROM localhost/stand-in-distroless${stage}`
    throw new Error(`there is no stand-in for ${line}`)
  })
}

function readConfig(value: unknown): ImageConfig {
  const config = member(member(value, 'OCIv1'), 'config')
  const texts = (name: string): string[] => {
    const list = member(config, name)
    return Array.isArray(list) ? list.map(String) : []
  }
  return {
    User: String(member(config, 'User')),
    Env: texts('Env'),
    Entrypoint: texts('Entrypoint'),
    Cmd: texts('Cmd'),
    WorkingDir: String(member(config, 'WorkingDir')),
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
