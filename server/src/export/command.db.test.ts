/** The export as a command: its files, its refusals, and what it says while it works. */
import { execFile, spawn } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { commandEntry, runCommand } from '../../../tools/command.ts'
import { useExportWorld } from './testing.ts'

const run = promisify(execFile)
const { world, exportAs } = useExportWorld()
let folder: string
let settings: Record<string, string>
let transferCount: number
/** What the command has printed. */
let csv: string
let ndjson: string

beforeAll(async () => {
  ;({ folder, settings, transferCount } = world())
  csv = await exportAs('csv')
  ndjson = await exportAs('ndjson')
})

describe('the command', () => {
  it('gives a file its name when it is whole, to its owner only', async () => {
    const file = join(folder, 'book.csv')
    await exportAs('csv', '--output', file)
    expect((await readFile(file, 'utf8')).trimEnd()).toBe(csv.trimEnd())
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await readdir(folder)).filter((name) => name.endsWith('.partial'))).toEqual([])
  })

  it('says why a file cannot be written', async () => {
    const file = join(folder, 'not', 'there')
    await expect(exportAs('csv', '--output', file)).rejects.toThrow(
      /exited with 1: cannot write .*ENOENT/,
    )
  })

  it('knows its formats', async () => {
    await expect(exportAs('xml')).rejects.toThrow(/exited with 2: .*hledger, csv, ndjson/)
    await expect(runCommand(['export'], { settings })).rejects.toThrow(/exited with 2/)
  })

  it('ends without a word when its reader has gone', async () => {
    const words = [commandEntry, 'export', '--format', 'hledger']
    const child = spawn(process.execPath, words, { env: { ...process.env, ...settings } })
    child.stdout.destroy()
    let complaints = ''
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect([code, complaints]).toEqual([141, ''])
  })

  it('shows progress where it is asked to, and the answer stays the same', async () => {
    const words = [commandEntry, 'export', '--format', 'ndjson', '--progress']
    const { stdout, stderr } = await run(process.execPath, words, {
      env: { ...process.env, ...settings },
    })
    expect(stderr).toBe(`${transferCount} transfers, 100 %\n`)
    expect(stdout.trimEnd()).toBe(ndjson.trimEnd())
  })
})
