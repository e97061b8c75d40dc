/** A real nginx with TLS in front of servers, as the edge of a cluster is. */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createTestFolder } from '../../../test/support/postgres.ts'
import { freePort } from '../../../tools/bank-process.ts'
import { expectTool } from './tool.ts'

export interface Edge {
  port: number
  /** PEM of the certificate, which signs itself. */
  certificate: string
  /** Sends requests to these addresses from now on; resolves when none is under way to others. */
  route(addresses: readonly string[]): Promise<void>
  /** The end of its error log. */
  complaints(): string
  stop(): Promise<void>
}

export async function startEdge(addresses: readonly string[]): Promise<Edge> {
  const folder = await createTestFolder()
  const port = await freePort()
  const certificate = await makeCertificate(folder.path)
  const file = join(folder.path, 'nginx.conf')
  const configure = (targets: readonly string[]) =>
    writeFileSync(file, createConfiguration(folder.path, port, targets))
  configure(addresses)
  const child = spawn(
    'nginx',
    ['-p', folder.path, '-c', file, '-e', join(folder.path, 'error.log')],
    {
      stdio: 'ignore',
    },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const { pid } = child
  if (pid === undefined) throw new Error('nginx cannot be started')
  while ((await listWorkers(pid)).length === 0) {
    if (child.exitCode !== null)
      throw new Error(readFileSync(join(folder.path, 'error.log'), 'utf8'))
    await delay(20)
  }
  return {
    port,
    certificate,
    async route(targets) {
      const before = await listWorkers(pid)
      configure(targets)
      child.kill('SIGHUP')
      // A worker of the old configuration ends after its last answer.
      while ((await listWorkers(pid)).some((worker) => before.includes(worker))) await delay(20)
    },
    complaints: () => readFileSync(join(folder.path, 'error.log'), 'utf8').slice(-2000),
    async stop() {
      child.kill('SIGTERM')
      await ended
      await folder.remove()
    },
  }
}

async function listWorkers(pid: number): Promise<string[]> {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.split(' ').filter((text) => text.trim() !== '')
}

async function makeCertificate(folder: string): Promise<string> {
  const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  const files = ['-keyout', join(folder, 'tls.key'), '-out', join(folder, 'tls.crt')]
  await expectTool('openssl', [...words.split(' '), ...subject, ...files])
  return readFileSync(join(folder, 'tls.crt'), 'utf8')
}

/** nginx never repeats a POST that it has sent: whether it was done is not for nginx to guess. */
function createConfiguration(folder: string, port: number, targets: readonly string[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 512; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  upstream bank {
    ${targets.map((target) => `server ${target} max_fails=0;`).join('\n    ')}
  }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${folder}/tls.crt;
    ssl_certificate_key ${folder}/tls.key;
    location / {
      proxy_pass http://bank;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https;
    }
  }
}
`
}
