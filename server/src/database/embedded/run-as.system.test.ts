import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startEmbeddedServer } from '../../../../test/support/embedded-server-process.ts'
import type { EmbeddedServerProcess } from '../../../../test/support/embedded-server-process.ts'
import { createTestFolder } from '../../../../test/support/postgres.ts'
import type { TestFolder } from '../../../../test/support/postgres.ts'
import { queryOnce } from '../../../../test/support/query.ts'

const NOBODY = 65_534
// Containers mostly forbid them.
const noNamespaces = spawnSync('unshare', ['--user', 'true']).status !== 0

/** A user without a name and without any file of its own. */
const SOMEBODY = 54_321

let folder: TestFolder
let data: string
const servers: EmbeddedServerProcess[] = []

beforeEach(async () => {
  folder = await createTestFolder()
  data = join(folder.path, 'data')
})

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.kill('SIGTERM')
    await server.ended
  }
  await folder.remove()
})

/** Starts, looks at the owners, stops. `without`: commands that fail as where they are forbidden. */
async function run(without: readonly string[] = []): Promise<{ process: number; files: number }> {
  const fakes = join(folder.path, 'commands-that-fail')
  await mkdir(fakes, { recursive: true })
  for (const name of without) {
    await writeFile(join(fakes, name), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  }
  const path = without.length > 0 ? `${fakes}:${process.env['PATH']}` : `${process.env['PATH']}`
  const server = startEmbeddedServer(data, { PATH: path })
  servers.push(server)
  const ready = await server.ready
  if (!ready) throw new Error(server.messages())
  await queryOnce(ready.ownerUrl, 'create table if not exists kept ()')
  const owners = {
    process: await effectiveUser(ready.postgresPid),
    files: (await stat(join(data, 'postgres'))).uid,
  }
  server.kill('SIGTERM')
  expect(await server.ended).toBe(0)
  return owners
}

/** As seen from outside any user namespace. */
async function effectiveUser(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1])
}

describe.skipIf(process.getuid?.() !== 0 || process.platform !== 'linux')(
  'when we are root',
  () => {
    test.skipIf(noNamespaces)(
      'in a folder that only root may enter, files stay root’s',
      async () => {
        expect((await stat(folder.path)).mode & 0o777).toBe(0o700)
        expect(await run()).toEqual({ process: 0, files: 0 })
      },
    )

    test('without namespaces, in a folder that all may enter, it runs as nobody', async () => {
      await chmod(folder.path, 0o755)
      await mkdir(data, { mode: 0o755 })
      expect(await run(['unshare', 'setpriv'])).toEqual({ process: NOBODY, files: NOBODY })
    })

    test('without namespaces, in a folder that only root may enter, it runs as nobody, too', async () => {
      expect(await run(['unshare'])).toEqual({ process: NOBODY, files: NOBODY })
    })

    test.skipIf(noNamespaces)('a database moves from one way to the other and back', async () => {
      await run()
      expect(await run(['unshare'])).toEqual({ process: NOBODY, files: NOBODY })
      expect(await run()).toEqual({ process: 0, files: 0 })
    })

    test('in the private folder of a user without a name, it runs all the same', async () => {
      await mkdir(data, { mode: 0o700 })
      await chown(data, SOMEBODY, SOMEBODY)
      expect(await run()).toEqual({ process: NOBODY, files: NOBODY })
    })

    test('where nothing of this is allowed, it says so and leaves no database', async () => {
      await expect(run(['unshare', 'setpriv'])).rejects.toThrow('PostgreSQL refuses to run as root')
      await expect(stat(join(data, 'postgres'))).rejects.toMatchObject({ code: 'ENOENT' })
    })
  },
)
