/**
 * `/problems/<code>`: what an error means and what to do about it, for people (HTML) and programs
 * (JSON) by `Accept`. It is what `type` in a problem document points to.
 */
import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import { problem } from './problem.ts'
import {
  isProblemCode,
  problemCatalog,
  type ProblemCode,
  type ProblemKind,
} from './problem-catalog.ts'
import type { Routes } from './route.ts'
import { named, oneOf, problems } from './schema.ts'

const ProblemKindSchema = named(
  'ProblemKind',
  Type.Object(
    {
      code: Type.String({ examples: ['insufficient_funds'] }),
      status: Type.Integer({ examples: [422] }),
      title: Type.String({ examples: ['The available balance is not enough'] }),
      retry: oneOf(['same_key', 'new_key', 'never']),
      explanation: Type.String({ examples: ['Nothing was moved.'] }),
    },
    { additionalProperties: false },
  ),
)

export function createProblemPages(): Routes {
  return async (app) => {
    app.get(
      '/problems/:code',
      {
        config: { access: 'public' },
        schema: {
          operationId: 'getProblem',
          tags: ['System'],
          summary: 'Explain an error code',
          params: Type.Object({
            code: Type.String({ maxLength: 64, examples: ['insufficient_funds'] }),
          }),
          response: {
            200: {
              description: 'The explanation, for programs or for people by `Accept`',
              content: {
                'application/json': { schema: ProblemKindSchema },
                'text/html': { schema: Type.String({ examples: ['<!doctype html>...'] }) },
              },
            },
            ...problems('route_not_found'),
          },
        },
      },
      async (request, reply) => {
        const { code } = request.params
        if (!isProblemCode(code)) throw problem('route_not_found')
        const kind: ProblemKind = problemCatalog[code]
        void reply.header('vary', 'accept').header('cache-control', 'public, max-age=3600')
        if (!prefersHtml(request.headers.accept)) return { code, ...kind }
        void reply.header('content-security-policy', pagePolicy).type('text/html; charset=utf-8')
        return renderPage(code, kind)
      },
    )
  }
}

// Browsers name text/html first; programs that take anything, or JSON, get JSON.
function prefersHtml(accept = '*/*'): boolean {
  return accept.toLowerCase().includes('text/html')
}

const retryAdvice = {
  same_key: 'Send the same request again, with the same idempotency key.',
  new_key: 'Change something first, and use a new idempotency key.',
  never: 'Sending it again cannot help.',
} as const

const style =
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;' +
  'color:#1b1b1b;background:#fff}code{font-family:ui-monospace,monospace}' +
  '@media(prefers-color-scheme:dark){body{color:#e7e7e7;background:#0f0f0f}a{color:#6cf}}'

const styleHash = createHash('sha256').update(style).digest('base64')
const pagePolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; frame-ancestors 'none'`

function renderPage(code: ProblemCode, { status, title, retry, explanation }: ProblemKind): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${code}</title><style>${style}</style></head>
<body>
<p><code>${status} ${code}</code></p>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(explanation).replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p>
<p><strong>Retry:</strong> ${retryAdvice[retry]}</p>
<p><a href="/docs">API reference</a></p>
</body>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
