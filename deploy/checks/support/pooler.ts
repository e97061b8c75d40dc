/** A real pgbouncer in transaction mode, on a free port of the loopback address. */
import { spawn } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createTestFolder } from '../../../test/support/postgres.ts'
import { queryOnce } from '../../../test/support/query.ts'
import { createTcpProxy } from '../../../test/support/tcp-proxy.ts'
import { freePort } from '../../../tools/bank-process.ts'

export interface Pooler {
  /** The same login and database, through the pooler. */
  url: string
  stop(): Promise<void>
}

const serverConnections = 8

/** `url` is the server's login on PostgreSQL itself. */
export async function startPooler(url: string): Promise<Pooler> {
  // Its socket belongs to one user, and pgbouncer is another.
  const line = await createTcpProxy(url)
  const target = new URL(line.url)
  const folder = await createTestFolder()
  const port = await freePort()
  const name = target.pathname.slice(1)
  writeFileSync(
    join(folder.path, 'users.txt'),
    `${quote(target.username)} ${quote(target.password)}\n`,
  )
  const file = join(folder.path, 'pgbouncer.ini')
  writeFileSync(
    file,
    `[databases]
${name} = host=127.0.0.1 port=${target.port} dbname=${name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${folder.path}/users.txt
pool_mode = transaction
default_pool_size = ${serverConnections}
max_client_conn = 200
`,
  )
  const isRoot = process.getuid?.() === 0
  if (isRoot) chmodSync(folder.path, 0o755)
  const child = spawn('pgbouncer', [...(isRoot ? ['-u', 'nobody'] : []), file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const pooled = new URL(line.url)
  pooled.host = `127.0.0.1:${port}`
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    await line.close()
    await folder.remove()
  }
  while (!(await answers(pooled.href))) {
    if (child.exitCode !== null) throw new Error(`pgbouncer has ended: ${complaints}`)
    await delay(50)
  }
  return { url: pooled.href, stop }
}

function quote(text: string): string {
  return `"${decodeURIComponent(text).replaceAll('"', '""')}"`
}

async function answers(url: string): Promise<boolean> {
  return queryOnce(url, 'select 1').then(
    () => true,
    () => false,
  )
}
