import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { createHttpServer } from './server.ts'
import { testServerOptions } from './testing.ts'

/** A key and a certificate for localhost, or nothing where there is no openssl. */
function makeCertificate(): { cert: string; key: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'tallystick-tls-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const options = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1'
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  try {
    const files = ['-keyout', key, '-out', cert]
    execFileSync('openssl', ['req', ...options.split(' '), ...names, ...files], { stdio: 'ignore' })
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  } catch {
    process.stderr.write('skipped: there is no openssl to make a certificate with\n')
    return undefined
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const tls = makeCertificate()

test.skipIf(tls === undefined)(
  'over TLS, browsers are told to stay with it, and a drain ends',
  async () => {
    const server = await createHttpServer({
      ...testServerOptions,
      routes: [],
      onError: (error) => expect.fail(String(error)),
      ...(tls && { tls }),
    })
    const { port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
    const [response] = await once(
      request({
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        path: '/livez',
        ca: tls?.cert,
      }).end(),
      'response',
    )
    expect(response.statusCode).toBe(200)
    expect(response.headers['strict-transport-security']).toBe('max-age=31536000')
    await server.close(60_000)
  },
)
