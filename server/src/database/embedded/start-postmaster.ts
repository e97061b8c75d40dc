/**
 * Starts the postmaster of a cluster and waits until it answers, for as long as a recovery takes.
 *
 * A start that fails is tried again a few times: the port may have been taken since it was found free, and
 * what an earlier PostgreSQL left may need a moment to be gone. The last failure is told with the end
 * of PostgreSQL's own log.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { addressSettings, chooseAddress } from './address.ts'
import type { Address } from './address.ts'
import type { Binaries } from './binaries.ts'
import { EmbeddedPostgresError } from './error.ts'
import type { Layout } from './layout.ts'
import { keepLogSmall, logPosition, logTail, openLog } from './log-file.ts'
import { readPostmaster } from './postmaster-file.ts'
import { commandAs, giveFolder } from './run-as.ts'
import type { RunAs } from './run-as.ts'
import { renderConfiguration, settingArguments, tunedSettings } from './settings.ts'
import type { Settings } from './settings.ts'
import { stopPostmaster, takeOver } from './takeover.ts'
import { startWatchdog } from './watchdog.ts'

export interface PostmasterExit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface RunningPostmaster {
  pid: number
  address: Address
  exited: Promise<PostmasterExit>
  stop(): Promise<void>
}

interface StartOptions {
  layout: Layout
  binaries: Binaries
  runAs: RunAs
  /** Given on the command line: durability, and what tests override. */
  settings: Settings
  log: (line: string) => void
}

const ATTEMPTS = 4
const RETRY_MILLISECONDS = 400
const POLL_MILLISECONDS = 10
const PROGRESS_MILLISECONDS = 5_000

export async function startPostmaster(options: StartOptions): Promise<RunningPostmaster> {
  const { layout } = options
  for (let attempt = 1; ; attempt += 1) {
    await takeOver(layout.cluster, options.log)
    await giveFolder(layout.cluster, options.runAs.owner)
    await writeConfiguration(options)
    const position = await logPosition(layout.log)
    const postmaster = await tryStart(options)
    if (postmaster) return postmaster
    if (attempt === ATTEMPTS) {
      const tail = await logTail(layout.log, position)
      throw new EmbeddedPostgresError(
        `PostgreSQL did not start in ${layout.cluster}. The end of ${layout.log}:\n${tail}`,
      )
    }
    await sleep(RETRY_MILLISECONDS)
  }
}

async function writeConfiguration({ layout, runAs }: StartOptions): Promise<void> {
  const path = join(layout.cluster, 'postgresql.conf')
  await writeFile(path, renderConfiguration(tunedSettings()), { mode: 0o600 })
  await chown(path, runAs.owner.uid, runAs.owner.gid)
}

async function tryStart(options: StartOptions): Promise<RunningPostmaster | undefined> {
  const { layout } = options
  const address = await chooseAddress(layout.cluster)
  const child = await spawnPostgres(options, address)
  const exited = new Promise<PostmasterExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: null, signal: null }))
  })
  const pid = child.pid
  if (pid === undefined) return undefined
  const watchdog = startWatchdog(pid, layout.cluster)
  if (!(await waitUntilReady(pid, exited, options))) {
    watchdog.stop()
    return undefined
  }
  const logKeeper = keepLogSmall(layout.log)
  const release = exited.then(() => {
    watchdog.stop()
    logKeeper.stop()
  })
  return {
    pid,
    address,
    exited,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) await stopPostmaster(pid)
      await release
    },
  }
}

async function spawnPostgres(options: StartOptions, address: Address): Promise<ChildProcess> {
  const { layout, binaries, runAs } = options
  const settings = { ...addressSettings(address), ...options.settings }
  const { file, args } = commandAs(runAs, binaries, binaries.postgres, [
    '-D',
    layout.cluster,
    ...settingArguments(settings),
  ])
  const log = await openLog(layout.log)
  try {
    return spawn(file, args, {
      ...runAs.identity,
      cwd: layout.cluster,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
  } finally {
    await log.close()
  }
}

async function waitUntilReady(
  pid: number,
  exited: Promise<PostmasterExit>,
  { layout, log }: StartOptions,
): Promise<boolean> {
  const exit = exited.then(() => 'exited' as const)
  let nextProgress = performance.now() + PROGRESS_MILLISECONDS
  for (;;) {
    const postmaster = await readPostmaster(layout.cluster)
    if (postmaster?.pid === pid && postmaster.ready) return true
    if (performance.now() > nextProgress) {
      log(`PostgreSQL is still starting (after a crash it recovers first; see ${layout.log}) ...`)
      nextProgress += PROGRESS_MILLISECONDS
    }
    const event = await Promise.race([exit, sleep(POLL_MILLISECONDS, 'poll' as const)])
    if (event === 'exited') return false
  }
}
