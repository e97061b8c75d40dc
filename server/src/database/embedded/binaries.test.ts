import { chmod, mkdir, mkdtemp, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hydrateLinks } from './binaries.ts'

let root: string
let libraries: string
let ours: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tallystick-binaries-'))
  libraries = join(root, 'native', 'lib')
  ours = join(root, 'ours')
  await mkdir(libraries, { recursive: true })
  await writeFile(join(libraries, 'libpq.so.5.18'), '')
  await writeFile(
    join(root, 'native', 'pg-symlinks.json'),
    JSON.stringify([
      { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' },
      { source: 'native/lib/libpq.so.5.18', target: '../stray/libpq.so' },
    ]),
  )
})

afterEach(async () => {
  await chmod(libraries, 0o755)
  await rm(root, { recursive: true, force: true })
})

test('links that no install script made are made, inside the package only', async () => {
  expect(await hydrateLinks(root, ours)).toEqual([])
  expect(await readlink(join(libraries, 'libpq.so.5'))).toBe('libpq.so.5.18')
  await expect(stat(join(root, '..', 'stray'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('links that are there are left alone, also by two starts at once', async () => {
  await Promise.all([hydrateLinks(root, ours), hydrateLinks(root, ours)])
  expect(await hydrateLinks(root, ours)).toEqual([])
})

// Root may write everywhere.
test.skipIf(process.getuid?.() === 0)(
  'where the package cannot be written, the loader is pointed to links of ours',
  async () => {
    await chmod(libraries, 0o555)
    const [command, variable] = await hydrateLinks(root, ours)
    expect(command).toBe('env')
    expect(variable).toContain(`=${ours}:${libraries}`)
    expect(await readlink(join(ours, 'libpq.so.5'))).toBe(join(libraries, 'libpq.so.5.18'))
  },
)
