/**
 * The API reference in a real browser that can reach no host but the server: every operation is
 * shown, nothing breaks the page's policy, and a request can be tried out with a pasted token.
 * Needs a Chromium (`apt-get install chromium`, or CHROMIUM_PATH); without one it is skipped.
 */
import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { objectAt, objectsIn } from '../server/src/http/json-object.ts'
import type { HttpServer } from '../server/src/http/server.ts'
import { createBanklessServer } from '../tools/api-document.ts'

const reportViolations = `document.addEventListener('securitypolicyviolation', (violation) =>
  console.error('policy: ' + violation.violatedDirective + ' ' + violation.blockedURI))`

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
const isInstalled = existsSync(executablePath)
if (!isInstalled) process.stderr.write(`skipped: there is no Chromium at ${executablePath}\n`)

describe.skipIf(!isInstalled)('/docs', () => {
  let server: HttpServer
  let browser: Browser
  let page: Page
  let origin: string
  const foreignRequests: string[] = []
  const complaints: string[] = []

  beforeAll(async () => {
    server = await createBanklessServer()
    origin = await server.listen({ host: '127.0.0.1', port: 0 })
    browser = await chromium.launch({
      executablePath,
      // As root a browser has no sandbox. The proxy leads nowhere: only loopback is reached.
      args: ['--no-sandbox', '--proxy-server=127.0.0.1:9', '--proxy-bypass-list=127.0.0.1'],
    })
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
    page.on('request', (request) => {
      const url = request.url()
      if (!url.startsWith(origin) && !/^(?:data|blob):/.test(url)) foreignRequests.push(url)
    })
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.addInitScript({ content: reportViolations })
    await page.goto(`${origin}/docs`)
    await page.getByText('Tallystick').first().waitFor()
  })

  afterAll(async () => {
    await browser.close()
    await server.close(1_000)
  })

  it('shows every operation', async () => {
    const operations = objectsIn(objectAt(server.openApi, 'paths')).flatMap(([, item]) =>
      objectsIn(item).map(([, { summary }]) => String(summary)),
    )
    expect(operations.length).toBeGreaterThan(20)
    for (const summary of operations) {
      // oxlint-disable-next-line no-await-in-loop
      await page.getByText(summary, { exact: true }).first().waitFor({ state: 'attached' })
    }
  })

  it('asks no other host for anything and breaks no policy', () => {
    expect(foreignRequests).toEqual([])
    expect(complaints).toEqual([])
  })

  it('sends a request that is tried out with the token that was pasted', async () => {
    await page.getByPlaceholder('Token').fill('pasted-token')
    await page.getByText('Read who you are').first().click()
    await page.getByRole('button', { name: /Test Request.*get .v1.users.me/ }).click()
    const sent = page.waitForRequest(`${origin}/v1/users/me`)
    await page.getByRole('button', { name: 'Send Request' }).click()
    const request = await sent
    expect(request.headers()).toMatchObject({ authorization: 'Bearer pasted-token' })
    const response = await request.response()
    expect(await response?.json()).toMatchObject({ code: 'token_invalid' })
    await page.getByText('Unauthorized').first().waitFor()
    expect(foreignRequests).toEqual([])
    expect(complaints.filter((text) => text.startsWith('policy'))).toEqual([])
  })
})
