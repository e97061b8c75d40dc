import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { parseArguments } from './arguments.ts'
import { assertListenable, formatAddress, isLoopback, listen } from './listen.ts'
import { findOpenDoors } from './open-doors.ts'
import { watchParent } from './parent.ts'
import { reportFailure, StartError } from './start-error.ts'
import { readTls } from './tls.ts'
import { keepTokenKey, tokenKeyFileName } from './token-key.ts'
import { createUndo } from './undo.ts'

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tallystick-process-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

describe('listening', () => {
  test('a busy port names the setting to change', async () => {
    const first = createServer()
    onTestFinished(() => void first.close())
    const address = await listen(first, { host: '127.0.0.1', port: 0 }, 'SERVER_ADDRESS')
    expect(address.port).toBeGreaterThan(0)
    const failure = await assertListenable(address, 'METRICS_ADDRESS').catch(
      (error: unknown) => error,
    )
    expect(failure).toBeInstanceOf(StartError)
    expect(reportFailure(failure).text).toBe(
      `cannot listen on 127.0.0.1:${address.port}: another program listens there. ` +
        'Set METRICS_ADDRESS to another address, for example METRICS_ADDRESS=127.0.0.1:18080',
    )
  })

  test.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
  ])('%s is loopback: %s', (host, loopback) => {
    expect(isLoopback({ host, port: 1 })).toBe(loopback)
  })

  test('an IPv6 host is written in brackets', () => {
    expect(formatAddress({ host: '::1', port: 80 })).toBe('[::1]:80')
  })
})

describe('open doors', () => {
  const inside = { host: '127.0.0.1', port: 1 }
  const outside = { host: '0.0.0.0', port: 1 }
  const closed = { server: { address: inside, tls: undefined, trustedProxies: [] } }
  const tls = { certFile: 'a', keyFile: 'b' }

  test.each([
    ['both on loopback', {}, inside, []],
    ['the API open', { address: outside }, inside, [/^SERVER_ADDRESS .* without TLS/]],
    ['the API open with TLS', { address: outside, tls }, inside, []],
    ['the API behind a proxy', { address: outside, trustedProxies: ['10.0.0.1'] }, inside, []],
    ['the metrics open', {}, outside, [/^METRICS_ADDRESS .* no authentication/]],
  ])('%s', (_, server, address, warnings) => {
    const found = findOpenDoors({ server: { ...closed.server, ...server }, metrics: { address } })
    expect(found).toEqual(warnings.map((warning) => expect.stringMatching(warning)))
  })
})

describe('the command line of the server', () => {
  test('--wait-db is the setting WAIT_DB', () => {
    expect(parseArguments(['--wait-db', '60s'])).toEqual({
      kind: 'start',
      settings: { WAIT_DB: '60s' },
    })
    expect(parseArguments([])).toEqual({ kind: 'start', settings: {} })
  })

  test('what it does not know is told with how to use it', () => {
    expect(() => parseArguments(['--wait'])).toThrow(/'--wait'[^]*Usage: npm start/)
    expect(() => parseArguments(['start'])).toThrow(StartError)
    expect(parseArguments(['--help'])).toEqual({ kind: 'help' })
    expect(parseArguments(['--version'])).toEqual({ kind: 'version' })
  })
})

describe('the token key of an embedded bank', () => {
  test('is made once, kept for its owner only, and is the same at the next start', async () => {
    const folder = await temporaryFolder()
    const first = await keepTokenKey(folder)
    const second = await keepTokenKey(folder)
    expect([first.created, second.created]).toEqual([true, false])
    expect(second.key).toEqual(first.key)
    expect((await stat(first.file)).mode & 0o777).toBe(0o600)
    expect((await readFile(first.file, 'utf8')).trim()).toBe(Buffer.from(first.key).toString('hex'))
  })

  test('that somebody replaced by a weak one refuses to start', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, tokenKeyFileName), 'ab'.repeat(32))
    await expect(keepTokenKey(folder)).rejects.toThrow(StartError)
  })
})

describe('TLS', () => {
  test('files that cannot be read, or are no certificate, name their setting', async () => {
    const folder = await temporaryFolder()
    const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') }
    await expect(readTls(files)).rejects.toThrow(/^TLS_CERT_FILE cannot be read: ENOENT/)
    await writeFile(files.certFile, 'not a certificate')
    await expect(readTls(files)).rejects.toThrow(/^TLS_KEY_FILE cannot be read: ENOENT/)
    await writeFile(files.keyFile, 'not a key')
    await expect(readTls(files)).rejects.toThrow(/^TLS_CERT_FILE and TLS_KEY_FILE are no pair: /)
    expect(await readTls(undefined)).toBeUndefined()
  })
})

describe('the parent', () => {
  test('that is replaced by another is gone, and that is told once', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    let parentId = 4711
    const gone = vi.fn<() => void>()
    watchParent(gone, () => parentId)
    vi.advanceTimersByTime(10_000)
    expect(gone).not.toHaveBeenCalled()
    parentId = 1
    vi.advanceTimersByTime(10_000)
    expect(gone).toHaveBeenCalledOnce()
  })
})

describe('undoing', () => {
  test('runs in the opposite order, goes on after a failure and reports the first', async () => {
    const order: number[] = []
    const undo = createUndo()
    undo.add(() => void order.push(1))
    undo.add(() => {
      throw new Error('second')
    })
    undo.add(async () => {
      order.push(3)
      throw new Error('third')
    })
    await expect(undo.run()).rejects.toThrow('third')
    expect(order).toEqual([3, 1])
    await undo.run()
    expect(order).toEqual([3, 1])
  })
})
