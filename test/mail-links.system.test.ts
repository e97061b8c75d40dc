/**
 * Mails of a bank without a mail server, as a person gets them: files in the data folder, whose links
 * lead to pages that work in a real browser. The browser part needs a Chromium, as /docs does.
 */
import { existsSync, globSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { spawnBank, type SpawnedBank } from './process/bank.ts'

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
const isInstalled = existsSync(executablePath)

let folder: string
let bank: SpawnedBank
let api: string
const seen = new Set<string>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tallystick-mail-links-'))
  bank = spawnBank({ DATA_DIR: join(folder, 'data'), BCRYPT_COST: '4', LOG_FORMAT: 'json' })
  ;({ api } = await bank.opened())
})

afterAll(async () => {
  process.kill(bank.pid, 'SIGTERM')
  await bank.exited
  await rm(folder, { recursive: true })
})

const post = (path: string, body: object) =>
  fetch(`${api}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

const signUp = (username: string) =>
  post('/v1/users', {
    username,
    password: 'correct horse battery',
    full_name: 'Any One',
    email: `${username}@example.com`,
  })

/** The text of the next mail, once it is a file. */
async function nextMail(): Promise<string> {
  for (;;) {
    const file = globSync(join(folder, 'data/mail/*.eml')).find((name) => !seen.has(name))
    if (file !== undefined) {
      seen.add(file)
      return await readFile(file, 'utf8')
    }
    // oxlint-disable-next-line no-await-in-loop
    await delay(20)
  }
}

const linkIn = (mail: string) => /^http\S+#token=\S+$/m.exec(mail)?.[0] ?? 'no link'

it('a mail is a file of the data folder, and the log says which', async () => {
  expect((await signUp('alice')).status).toBe(201)
  const mail = await nextMail()
  expect(mail).toContain('To: alice@example.com\r\n')
  expect(linkIn(mail)).toMatch(new RegExp(`^${api}/confirm-email#token=[\\w-]{43}$`))
  const [file = ''] = seen
  while (!bank.stdout().includes(file)) await delay(20)
  expect(bank.stdout()).toContain(join(folder, 'data/mail'))
  expect(bank.stdout()).not.toContain('#token=')
})

describe.skipIf(!isInstalled)('in a browser', () => {
  let browser: Browser
  const complaints: string[] = []

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath,
      // As root a browser has no sandbox. The proxy leads nowhere: only loopback is reached.
      args: ['--no-sandbox', '--proxy-server=127.0.0.1:9', '--proxy-bypass-list=127.0.0.1'],
    })
  })

  afterAll(() => browser.close())

  async function open(link: string) {
    const page = await browser.newPage()
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.goto(link)
    return page
  }

  it('an address is confirmed and a password is set, each by a button, once', async () => {
    await signUp('bob')
    const confirmation = linkIn(await nextMail())
    const confirming = await open(confirmation)
    await confirming.getByRole('button', { name: 'Confirm the address' }).click()
    await confirming.getByText('Your e-mail address is confirmed').waitFor()
    const again = await open(confirmation)
    await again.getByRole('button', { name: 'Confirm the address' }).click()
    await again.getByText('The link counts no more').waitFor()

    expect((await post('/v1/password-resets', { email: 'bob@example.com' })).status).toBe(202)
    const setting = await open(linkIn(await nextMail()))
    const field = setting.getByLabel('New password')
    await field.fill('short')
    await setting.getByRole('button', { name: 'Set the password' }).click()
    await setting.getByText('a password has at least 8 bytes').waitFor()
    await field.fill('another horse battery')
    await setting.getByRole('button', { name: 'Set the password' }).click()
    await setting.getByText('The new password is set').waitFor()
    const login = { username: 'bob', password: 'another horse battery' }
    expect((await post('/v1/sessions', login)).status).toBe(201)
    expect(complaints).toEqual([])
  })
})
