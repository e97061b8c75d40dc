import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ConfigSources } from '../config/sources.ts'
import { createKeyRing, type KeyRing } from '../identity/tokens/key-ring.ts'
import { generateTokenKey, parseTokenKey } from '../identity/tokens/token-key.ts'
import { createLogger } from '../telemetry/logger.ts'
import { createConfigReader } from './config-reader.ts'
import { tokenKeyFileName } from './token-key.ts'
import { readTokenKeys, watchTokenKeys } from './token-keys.ts'

const [one, other] = [generateTokenKey(), generateTokenKey()]
const until = '2027-01-01T00:00:00Z'

/** A watch on an app.env that the test rewrites, with what it logs. */
async function watchOf(text: string, dataDirectory?: string) {
  const sources: ConfigSources = { environment: {}, appEnv: { name: 'app.env', text } }
  const reader = createConfigReader({}, () => sources)
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const { logger } = createLogger({ level: 'info', format: 'json', destination })
  const keys = await readTokenKeys(reader.read().tokens, dataDirectory, () => undefined)
  const ring = createKeyRing(keys)
  const watch = watchTokenKeys({ ring, rereadConfig: () => reader.reread(), dataDirectory, logger })
  onTestFinished(() => watch.stop())
  const write = (next: string) => {
    sources.appEnv = { name: 'app.env', text: next }
  }
  return { ring, lines, write, check: () => watch.check() }
}

function keysOf(ring: KeyRing): string[] {
  return ring.current().map(({ key }) => Buffer.from(key).toString('hex'))
}

const external = 'DATABASE_URL=postgresql://bank@127.0.0.1/bank\n'

test('keys follow app.env, and what was cut from it is gone', async () => {
  const { ring, write, check, lines } = await watchOf(`${external}TOKEN_SYMMETRIC_KEY=${one}`)
  const before = ring.current()
  await check()
  expect(ring.current()).toBe(before)

  write(`${external}TOKEN_SYMMETRIC_KEY=${other}\nTOKEN_ACCEPTED_KEYS=${one}@${until}`)
  await check()
  expect(keysOf(ring)).toEqual([other, one])
  expect(ring.current()[1]?.until).toBe(Date.parse(until))

  write(`${external}TOKEN_SYMMETRIC_KEY=${other}`)
  await check()
  expect(keysOf(ring)).toEqual([other])
  expect(lines).toHaveLength(2)
  for (const key of [one, other]) expect(lines.join('')).not.toContain(key)
})

test.each([
  ['a weak key', `TOKEN_SYMMETRIC_KEY=${'0'.repeat(64)}`],
  ['no key', ''],
  ['a key without an end', `TOKEN_SYMMETRIC_KEY=${other}\nTOKEN_ACCEPTED_KEYS=${one}`],
  ['an end that is no time', `TOKEN_SYMMETRIC_KEY=${other}\nTOKEN_ACCEPTED_KEYS=${one}@2026-02-30`],
  ['a problem elsewhere', `TOKEN_SYMMETRIC_KEY=${other}\nLOG_LEVEL=loud`],
])('a configuration with %s changes nothing and is complained about once', async (_, text) => {
  const { ring, write, check, lines } = await watchOf(`${external}TOKEN_SYMMETRIC_KEY=${one}`)
  write(external + text)
  await check()
  await check()
  expect(keysOf(ring)).toEqual([one])
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('the token keys stay')
  expect(lines[0]).not.toContain(one)

  write(`${external}TOKEN_SYMMETRIC_KEY=${other}`)
  await check()
  expect(keysOf(ring)).toEqual([other])
})

test('an embedded bank goes from the key of its data folder to one of app.env', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tallystick-keys-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const { ring, write, check } = await watchOf('', folder)
  const kept = (await readFile(join(folder, tokenKeyFileName), 'utf8')).trim()
  expect(keysOf(ring)).toEqual([kept])
  expect(parseTokenKey(kept).ok).toBe(true)
  write(`TOKEN_SYMMETRIC_KEY=${other}\nTOKEN_ACCEPTED_KEYS=${kept}@${until}`)
  await check()
  expect(keysOf(ring)).toEqual([other, kept])
})
