/**
 * `tallystick export`: all transfers of the bank, to standard output or a file.
 *
 * A file appears under its name when it is whole, and never before; standard output is whole when
 * the exit code is 0. When the reader at the other end has had enough, the command ends without a
 * word, as a process does that SIGPIPE has killed.
 */
import { open, rename, rm } from 'node:fs/promises'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Command, Option } from 'commander'
import {
  createExportStore,
  exportTransfers,
  formatNames,
  type ExportProgress,
  type FormatName,
} from '../export/export.ts'
import { createSealer } from '../ledger/postgres/sealer.ts'
import { CommandError } from './command-error.ts'
import { note, readConfig, withDatabase } from './with-bank.ts'

const closedPipeExitCode = 128 + 13
const progressMilliseconds = 1_000

interface Options {
  format: FormatName
  output?: string
  progress?: boolean
}

export function createExportCommand(): Command {
  const format = new Option('--format <format>', 'hledger: a journal; csv; ndjson: JSON lines')
  return new Command('export')
    .description('write down all transfers, in the order in which feeds have them')
    .addOption(format.choices(formatNames).makeOptionMandatory())
    .option('--output <file>', 'write to a file in place of standard output')
    .option('--progress', 'show progress on standard error where that is no terminal too')
    .action(async ({ format: name, output, progress }: Options) => {
      const meter = createMeter(progress === true || process.stderr.isTTY)
      await withFile(output, async (target) => {
        await exportBook(name, target, meter.show)
        meter.end()
      })
    })
}

async function exportBook(
  format: FormatName,
  target: Writable,
  onProgress: (progress: ExportProgress) => void,
): Promise<void> {
  const config = await readConfig()
  await withDatabase(config, async (database) => {
    // A standby cannot seal; its primary does.
    const sealer = createSealer({ database, onError: () => undefined })
    const text = exportTransfers({
      store: createExportStore(database),
      format,
      seal: () => sealer.seal().catch(() => 0),
      timeZone: config.bank.timeZone,
      onProgress,
      onUnsealed: () => note('what was posted last has no place in the order yet and is left out'),
    })
    // One chunk ahead of what was written, and no more.
    await pipeline(Readable.from(text, { highWaterMark: 1 }), target).catch((error: unknown) => {
      if (target !== process.stdout || !isClosedPipe(error)) throw error
      process.exitCode = closedPipeExitCode
    })
  })
}

/** Lends standard output, or a file beside its name that takes the name when `work` is done. */
async function withFile(
  file: string | undefined,
  work: (target: Writable) => Promise<void>,
): Promise<void> {
  if (file === undefined) return work(process.stdout)
  const partial = `${file}.partial`
  const cannotWrite = (error: unknown): never => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CommandError(`cannot write ${file}: ${reason}`)
  }
  // It holds what people wrote to each other.
  const handle = await open(partial, 'w', 0o600).catch(cannotWrite)
  try {
    await work(handle.createWriteStream({ flush: true }))
    await rename(partial, file).catch(cannotWrite)
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined)
    if (isDiskError(error)) return cannotWrite(error)
    throw error
  }
}

function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE'
}

/** Of a write to the file: errors of the database have become Faults. */
function isDiskError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'write'
}

/** A line on a terminal that is written over; lines of a log elsewhere. */
function createMeter(isShown: boolean): {
  show: (progress: ExportProgress) => void
  end: () => void
} {
  const { isTTY } = process.stderr
  let shownAt = performance.now()
  let last: ExportProgress | undefined
  const write = ({ transferCount, position, lastPosition }: ExportProgress): void => {
    const share = Math.floor((100 * position) / lastPosition)
    const line = `${transferCount.toLocaleString('en')} transfers, ${share} %`
    process.stderr.write(isTTY ? `\r${line}` : `${line}\n`)
  }
  return {
    show(progress) {
      last = progress
      if (!isShown || performance.now() - shownAt < progressMilliseconds) return
      shownAt = performance.now()
      write(progress)
    },
    end() {
      if (!isShown || last === undefined) return
      write(last)
      if (isTTY) process.stderr.write('\n')
    },
  }
}
