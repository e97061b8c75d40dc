/**
 * `/docs`: the API reference as a page (Scalar), served whole from here: no other host is asked for
 * scripts, fonts or anything else, nothing is reported to anyone, and its policy says so.
 *
 * Requests that are tried out on the page go to this server, with a token that the reader pastes.
 */
import { Worker } from 'node:worker_threads'
import { gunzip } from 'node:zlib'
import { promisify } from 'node:util'
import type { FastifyReply } from 'fastify'
import type { Routes } from './route.ts'

const hidden = { config: { access: 'public' }, schema: { hide: true } } as const

export function createDocsPage(): Routes {
  let bundle: Promise<Buffer> | undefined

  return async (app) => {
    app.get('/docs', hidden, async (_request, reply) =>
      sendText(reply.header('content-security-policy', policy), 'text/html', page),
    )

    app.get('/docs/start.js', hidden, async (_request, reply) =>
      sendText(reply, 'text/javascript', startScript),
    )

    app.get('/docs/reference.js', hidden, async (request, reply) => {
      bundle ??= loadBundle().catch((error: unknown) => {
        bundle = undefined
        throw error
      })
      const compressed = await bundle
      void reply.type('text/javascript; charset=utf-8').header('vary', 'accept-encoding')
      void reply.header('cache-control', 'public, max-age=86400')
      const takesGzip = (request.headers['accept-encoding'] ?? '').includes('gzip')
      if (!takesGzip) return reply.send(await promisify(gunzip)(compressed))
      return reply.header('content-encoding', 'gzip').send(compressed)
    })
  }
}

function sendText(reply: FastifyReply, type: string, text: string): FastifyReply {
  return reply.type(`${type}; charset=utf-8`).send(text)
}

function loadBundle(): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('docs-bundle.worker.ts', import.meta.url))
    worker.once('message', (bytes: Uint8Array) => resolve(Buffer.from(bytes)))
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the docs bundle worker ended with ${code}`)))
  })
}

// The bundle puts style elements and attributes into the page while it runs; under this policy a
// style can load nothing from elsewhere. Scripts are files of this server and nothing else.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tallystick API</title>
<link rel="icon" href="data:,">
<script src="/docs/start.js"></script>
<script src="/docs/reference.js" defer></script>
</head>
<body>
<div id="app"></div>
</body>
</html>
`

const configuration = {
  url: '/openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: 'never',
  mcp: { disabled: true },
  agent: { disabled: true },
  hideClientButton: true,
  persistAuth: false,
  defaultOpenAllTags: true,
  authentication: { preferredSecurityScheme: 'bearerAuth' },
  metaData: { title: 'Tallystick API' },
}

// Zod, inside of the bundle, tries whether it may compile code unless it is told not to; the policy
// would refuse that and report it.
const startScript = `globalThis.__zod_globalConfig = { jitless: true }
addEventListener('DOMContentLoaded', () => {
  Scalar.createApiReference('#app', ${JSON.stringify(configuration)})
})
`
