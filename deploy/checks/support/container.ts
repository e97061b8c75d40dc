/**
 * Runs a built image as the manifests run it: user 65532, a read-only root, no capability, no new
 * privileges, one writable /tmp. It shares the network of this machine, so that the check can reach
 * it and it can reach a PostgreSQL on the loopback address.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BuiltImage } from './buildah.ts'

export interface RunOptions {
  /** Instead of the image's CMD. */
  words?: readonly string[]
  settings?: Readonly<Record<string, string>>
}

export interface RunningContainer {
  /** What it wrote so far, standard output and standard error. */
  output(): string
  /** Its exit code; null after a signal. */
  ended: Promise<number | null>
  /** Sends SIGTERM, as a stop of a container does, and resolves with the exit code. */
  stop(): Promise<number | null>
}

export function runContainer(image: BuiltImage, options: RunOptions = {}): RunningContainer {
  const bundle = mkdtempSync(join(tmpdir(), 'tallystick-bundle-'))
  const specification = describeContainer(image, options)
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(specification))
  const name = bundle.split('/').at(-1) ?? 'tallystick'
  const words = ['--root', join(bundle, 'state'), 'run', '--bundle', bundle, name]
  const child = spawn('runc', words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = endOf(child).finally(() => rmSync(bundle, { recursive: true, force: true }))
  return {
    output: () => output,
    ended,
    stop() {
      child.kill('SIGTERM')
      return ended
    },
  }
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
}

/** The OCI runtime's description of the container. */
function describeContainer({ root, config }: BuiltImage, { words, settings }: RunOptions) {
  const [uid, gid] = config.User.split(':').map(Number)
  const overrides = Object.entries(settings ?? {}).map(([key, value]) => `${key}=${value}`)
  const none: string[] = []
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid, gid },
      args: [...config.Entrypoint, ...(words ?? config.Cmd)],
      env: [...config.Env, ...overrides],
      cwd: config.WorkingDir,
      noNewPrivileges: true,
      capabilities: { bounding: none, effective: none, permitted: none, inheritable: none },
    },
    root: { path: root, readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=1777'] },
    ],
    linux: { namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'ipc' }] },
  }
}
