/** One server of the bank as a process that is killed, stopped, paused and started again. */
import { startBankProcess, type BankProcess } from '../tools/bank-process.ts'
import type { ServerHost } from './fault.ts'
import { wrong, type Violation } from './violation.ts'

export interface ManagedServer extends ServerHost {
  /** When it was asked to stop, by `performance.now()`, until it is ready again. */
  readonly stopAskedAt: number | undefined
  /** That it ended without having been told to, each time once. */
  takeViolations(): Violation[]
}

export interface ServerHostOptions {
  name: string
  settings: Readonly<Record<string, string>>
  /** The folder of the sources. */
  root: string
}

export async function startServerHost(options: ServerHostOptions): Promise<ManagedServer> {
  const { name, settings } = options
  /** The one that runs, and the one that ran last. */
  let bank: BankProcess | undefined
  let latest: BankProcess | undefined
  let stopAskedAt: number | undefined
  let violations: Violation[] = []

  async function run(root: string, address?: string): Promise<BankProcess> {
    const started = await startBankProcess({
      root,
      settings,
      ...(address !== undefined && { address }),
    })
    bank = started
    latest = started
    void started.exited.then((code) => {
      if (bank !== started) return
      bank = undefined
      violations.push(
        wrong(
          `server ${name} ended by itself with ${code ?? started.process.signalCode}`,
          started.output().slice(-4000),
        ),
      )
    })
    return started
  }

  /** From now on its end is no surprise. */
  function take(): BankProcess {
    const taken = running()
    bank = undefined
    return taken
  }

  function running(): BankProcess {
    if (!bank) throw new Error(`server ${name} does not run`)
    return bank
  }

  const { baseUrl } = await run(options.root)

  return {
    name,
    baseUrl,
    get pid() {
      return bank?.process.pid
    },
    get stopAskedAt() {
      return stopAskedAt
    },
    output: () => latest?.output() ?? '',
    async kill() {
      await take().kill()
    },
    stop() {
      stopAskedAt = performance.now()
      return take().stop()
    },
    pause: () => void running().process.kill('SIGSTOP'),
    resume: () => void running().process.kill('SIGCONT'),
    async start(start) {
      await run(start?.root ?? options.root, new URL(baseUrl).host)
      stopAskedAt = undefined
    },
    takeViolations() {
      const taken = violations
      violations = []
      return taken
    },
  }
}
