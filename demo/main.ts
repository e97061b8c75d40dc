/**
 * `npm run demo`: plays a story on a bank, the one that runs at SERVER_ADDRESS or else one that it
 * starts. What it makes stays: users with fresh names and random passwords, which it prints.
 */
import { parseArgs } from 'node:util'
import { createApi } from '../tools/api.ts'
import { startBankProcess, type BankProcess } from '../tools/bank-process.ts'
import { playStory } from './story.ts'

const usage = `npm run demo -- [--url URL] [--transfers N] [--stop]

  --url URL        the bank to play on (default: http://127.0.0.1:8080); where none answers, the demo
                   starts one with the settings of app.env and the environment
  --transfers N    how many concurrent transfers the rush has (default 5000)
  --stop           stop a bank that the demo started when the story is told, instead of leaving it
                   running until Ctrl-C
`

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    transfers: { type: 'string', default: '5000' },
    stop: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) process.stdout.write(usage)
else await main()

async function isBank(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/livez`)).ok
  } catch {
    return false
  }
}

async function main(): Promise<void> {
  const transferCount = Number(values.transfers)
  if (!Number.isSafeInteger(transferCount) || transferCount < 1) {
    process.stderr.write(`--transfers must be a whole number from 1, not ${values.transfers}\n`)
    process.exitCode = 2
    return
  }
  let started: BankProcess | undefined
  if (!(await isBank(values.url))) {
    process.stdout.write(`No bank answers at ${values.url}: starting one ...\n`)
    started = await startBankProcess({ address: new URL(values.url).host })
  }
  try {
    await playStory(createApi(values.url), { transferCount })
    if (started && !values.stop) {
      process.stdout.write(`\nThe bank goes on at ${values.url} until Ctrl-C.\n`)
      await new Promise((resolve) => {
        process.once('SIGINT', resolve)
        process.once('SIGTERM', resolve)
      })
    }
  } finally {
    await started?.stop()
  }
}
