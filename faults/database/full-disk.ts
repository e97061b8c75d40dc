/**
 * A disk that is full: PostgreSQL is moved to a small filesystem in memory, which is then filled to the
 * last byte, and back when there is space again.
 *
 * Tables that cannot grow fail statements with 53100; WAL that cannot grow ends PostgreSQL, which is
 * then started again, as an administrator would.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open, readFile, rename, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { isAlive } from '../../server/src/database/embedded/processes.ts'
import type { Fault, World } from '../fault.ts'
import type { Random } from '../random.ts'

const execute = promisify(execFile)

/** What is left to grow in before the disk is filled. */
const spareMegabytes = 48
/** A reserve of `min_wal_size`, and some more. */
const segmentsMax = 64
const ballastName = 'ballast-of-the-faults'

export const fullDisk: Fault = {
  name: 'full-disk',
  description: 'the disk of PostgreSQL is full for a while, tables and WAL',
  async unavailable() {
    const folder = await mkdtemp(join(tmpdir(), 'tallystick-mount-'))
    try {
      await mount(folder, 1)
      await execute('umount', [folder])
      return undefined
    } catch {
      return (
        'it needs the right to mount a filesystem: run as root, ' +
        'or under `unshare --user --map-root-user --mount`'
      )
    } finally {
      await rmdir(folder)
    }
  },
  async inject(world, random) {
    await onSmallDisk(world, async () => {
      await world.load.acknowledged(random.integer(10, 50))
      await fillForAWhile(world, random)
      if (!(await isAlive(world.postgres.pid))) {
        world.note('PostgreSQL has ended, and is started again')
        await world.postgres.stop()
        await world.postgres.start()
      }
      await world.load.acknowledged(random.integer(10, 50))
    })
  },
}

async function fillForAWhile({ postgres, note }: World, random: Random): Promise<void> {
  const before = await readLog(postgres)
  const ballast = join(postgres.clusterFolder, ballastName)
  const milliseconds = random.integer(1_000, 5_000)
  const bytes = await fill(ballast)
  note(`the disk is full for ${milliseconds} ms, with ${bytes} bytes of ballast`)
  if (random.percent(50)) {
    note('and PostgreSQL needs new segments of WAL')
    await useUpSegments(postgres)
  }
  await sleep(milliseconds)
  await rm(ballast)
  const words = (await readLog(postgres)).slice(before.length)
  const errors = words.split('No space left on device').length - 1
  const ends = words.split(' PANIC: ').length - 1
  note(`PostgreSQL found no space ${errors} times and ended of it ${ends} times`)
}

/** Until there are none left: PostgreSQL keeps some in reserve. */
async function useUpSegments(postgres: World['postgres']): Promise<void> {
  try {
    for (let count = 0; count < segmentsMax; count += 1) {
      await postgres.query(`select pg_logical_emit_message(false, 'faults', 'on'), pg_switch_wal()`)
    }
  } catch {
    // That was the last one, or there was no room for this.
  }
}

function readLog({ logFile }: World['postgres']): Promise<string> {
  return readFile(logFile, 'utf8')
}

/** Writes until nothing more fits; returns how much did. */
async function fill(path: string): Promise<number> {
  const file = await open(path, 'w')
  const block = Buffer.alloc(64 * 1024, 1)
  let bytes = 0
  try {
    for (;;) bytes += (await file.write(block)).bytesWritten
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  } finally {
    await file.close()
  }
  return bytes
}

/** Runs PostgreSQL in memory while `work` is done. Servers lose it for a moment before and after. */
async function onSmallDisk({ postgres }: World, work: () => Promise<void>): Promise<void> {
  const { clusterFolder } = postgres
  const aside = `${clusterFolder}-aside`
  await postgres.stop()
  await rename(clusterFolder, aside)
  await mkdir(clusterFolder)
  await mount(clusterFolder, (await sizeOf(aside)) + spareMegabytes)
  await execute('cp', ['-a', `${aside}/.`, clusterFolder])
  await postgres.start()
  try {
    await work()
  } finally {
    await postgres.stop()
    await rm(aside, { recursive: true })
    await execute('cp', ['-a', clusterFolder, aside])
    await execute('umount', [clusterFolder])
    await rmdir(clusterFolder)
    await rename(aside, clusterFolder)
    await postgres.start()
  }
}

async function mount(folder: string, megabytes: number): Promise<void> {
  await execute('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tallystick', folder])
}

async function sizeOf(folder: string): Promise<number> {
  const { stdout } = await execute('du', ['-s', '--block-size=1M', folder])
  return Number.parseInt(stdout, 10)
}
