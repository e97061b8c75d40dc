/**
 * The pages that mailed links lead to. They change nothing by being opened, because mail programs open
 * links to look into them: the reader presses a button, and the page calls the API.
 *
 * The token is in the part of the address after the hash sign, which no browser sends to a server.
 */
import { createHash } from 'node:crypto'
import type { Routes } from '../../http/route.ts'
import { passwordBytesMax, passwordBytesMin } from '../passwords/password.ts'
import { linkPaths } from './mail-task.ts'

const hidden = { config: { access: 'public' }, schema: { hide: true } } as const
const scriptPath = '/mail-links.js'

export function createLinkPages(): Routes {
  const confirmPage = createPage({
    title: 'Confirm your e-mail address',
    path: '/v1/email-confirmations',
    fields: '',
    button: 'Confirm the address',
    done: 'Your e-mail address is confirmed. You can close this page.',
  })
  const resetPage = createPage({
    title: 'Set a new password',
    path: '/v1/password-resets/confirm',
    fields: `<p><label>New password, ${passwordBytesMin} to ${passwordBytesMax} bytes
<input name="password" type="password" autocomplete="new-password" required></label></p>`,
    button: 'Set the password',
    done: 'The new password is set, and all sessions have ended. You can log in with it now.',
  })
  return async (app) => {
    for (const [path, page] of [
      [linkPaths.email_confirmation, confirmPage],
      [linkPaths.password_reset, resetPage],
    ] as const) {
      app.get(path, hidden, async (_request, reply) =>
        reply.header('content-security-policy', policy).type('text/html; charset=utf-8').send(page),
      )
    }
    app.get(scriptPath, hidden, async (_request, reply) =>
      reply.type('text/javascript; charset=utf-8').send(script),
    )
  }
}

const style =
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;' +
  'color:#1b1b1b;background:#fff}input{display:block;font:inherit;width:100%;padding:.4rem;' +
  'box-sizing:border-box}button{font:inherit;padding:.4rem 1rem}' +
  '@media(prefers-color-scheme:dark){body{color:#e7e7e7;background:#0f0f0f}}'

const styleHash = createHash('sha256').update(style).digest('base64')
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'sha256-${styleHash}'`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

interface Page {
  title: string
  /** Where the form goes. */
  path: string
  fields: string
  button: string
  done: string
}

function createPage({ title, path, fields, button, done }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
<script src="${scriptPath}" defer></script>
</head>
<body>
<h1>${title}</h1>
<form data-path="${path}" data-done="${done}">
${fields}
<p><button>${button}</button></p>
</form>
<p role="status"></p>
</body>
</html>
`
}

const script = `const form = document.querySelector('form')
const status = document.querySelector('[role=status]')
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
  const body = JSON.stringify({ ...Object.fromEntries(new FormData(form)), token })
  const headers = { 'content-type': 'application/json' }
  form.hidden = true
  status.textContent = 'One moment, please.'
  try {
    const response = await fetch(form.dataset.path, { method: 'POST', headers, body })
    if (response.ok) return void (status.textContent = form.dataset.done)
    const problem = await response.json()
    const details = (problem.errors ?? []).map((error) => error.detail)
    status.textContent = [problem.detail, ...details].join(': ')
    form.hidden = problem.code === 'mail_token_invalid'
  } catch {
    status.textContent = 'The bank does not answer. Try again later.'
    form.hidden = false
  }
})
`
