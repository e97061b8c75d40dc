/**
 * `npm run demo`: plays a story on a bank, the one that runs at SERVER_ADDRESS or else one that it
 * starts. What it makes stays: users with fresh names and random passwords, which it prints.
 */
import { parseArgs } from 'node:util'
import { loadConfig } from '../server/src/config/config.ts'
import { readConfigSources } from '../server/src/config/sources.ts'
import { reportFailure } from '../server/src/process/start-error.ts'
import { ApiProblem, ApiUnreachable, createApi } from '../tools/api.ts'
import { startBankProcess, type BankProcess } from '../tools/bank-process.ts'
import { OtherBankError } from './people.ts'
import { playStory } from './story.ts'

const usage = `npm run demo -- [--url URL] [--transfers N] [--stop]

  --url URL        the bank to play on (default: at SERVER_ADDRESS, which is http://127.0.0.1:8080
                   unless it is set); where none answers, the demo starts one
  --transfers N    how many transfers the rush has (default 5000)
  --stop           stop a bank that the demo started when the story is told, instead of leaving it
                   running until Ctrl-C

The settings of app.env and the environment must be those of the bank.
`

class UsageError extends Error {}

interface Options {
  url: string
  transferCount: number
  stop: boolean
}

try {
  const options = readOptions()
  if (options) await run(options)
} catch (error) {
  process.exitCode = complain(error)
}

function readOptions(): Options | undefined {
  const values = parse()
  if (values.help) {
    process.stdout.write(usage)
    return undefined
  }
  const transferCount = Number(values.transfers)
  if (!Number.isSafeInteger(transferCount) || transferCount < 1) {
    throw new UsageError(`--transfers must be a whole number from 1, not ${values.transfers}`)
  }
  const url = values.url ?? configuredUrl()
  if (!URL.canParse(url)) throw new UsageError(`--url must be a URL, not ${url}`)
  return { url: new URL(url).origin, transferCount, stop: values.stop }
}

function parse() {
  try {
    return parseArgs({
      options: {
        url: { type: 'string' },
        transfers: { type: 'string', default: '5000' },
        stop: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** An address that is all interfaces is also the loopback one. */
function configuredUrl(): string {
  const { address, tls } = loadConfig(readConfigSources(), { purpose: 'command' }).server
  const everywhere: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const host = everywhere[address.host] ?? address.host
  const name = host.includes(':') ? `[${host}]` : host
  return `${tls ? 'https' : 'http'}://${name}:${address.port}`
}

async function run({ url, transferCount, stop }: Options): Promise<void> {
  let started: BankProcess | undefined
  if (!(await isBank(url))) {
    process.stdout.write(`No bank answers at ${url}: starting one ...\n`)
    // Nobody reads its log.
    const settings = { LOG_LEVEL: 'warn' }
    started = await startBankProcess({ address: new URL(url).host, settings })
    const seconds = (started.readyMilliseconds / 1000).toFixed(1)
    process.stdout.write(`It was ready after ${seconds} s.\n`)
  }
  try {
    await playStory(createApi(url), { transferCount })
    if (started && !stop) await stayOpen(url, started)
  } finally {
    await started?.stop()
  }
}

async function isBank(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/livez`)).ok
  } catch {
    return false
  }
}

async function stayOpen(url: string, { exited }: BankProcess): Promise<void> {
  process.stdout.write(`\nThe bank goes on at ${url} until Ctrl-C.\n`)
  const asked = new Promise((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
  await Promise.race([asked, exited])
}

function complain(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${usage}`)
    return 2
  }
  if (error instanceof OtherBankError && error.cause instanceof Error) {
    process.stderr.write(`${error.message}\n${error.cause.message}\n`)
    return 1
  }
  if (error instanceof ApiProblem || error instanceof ApiUnreachable) {
    process.stderr.write(`The bank: ${error.message}\n`)
    return 1
  }
  const { text, exitCode } = reportFailure(error)
  process.stderr.write(`${text}\n`)
  return exitCode
}
