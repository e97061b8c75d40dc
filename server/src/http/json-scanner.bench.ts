/** What the scanner costs for the body of a transfer: `node server/src/http/json-scanner.bench.ts`. */
import { createJsonScanner } from './json-scanner.ts'

const body = Buffer.from(
  JSON.stringify({
    from_account_id: 'acct_01h455vb4pex5vsknk084sn02q',
    to_account_id: 'acct_01h455vb4pex5vsknk084sn02r',
    amount: 1050,
    currency: 'EUR',
    description: 'Rent for January',
    reference: 'rent-2026-01',
    metadata: { contract: '4711', period: '2026-01' },
  }),
)
const rounds = 2_000_000
const scan = createJsonScanner()

function measure(name: string, work: () => unknown): void {
  for (let round = 0; round < rounds / 10; round += 1) work()
  const start = performance.now()
  for (let round = 0; round < rounds; round += 1) work()
  const microseconds = ((performance.now() - start) * 1000) / rounds
  process.stdout.write(`${name.padEnd(24)} ${microseconds.toFixed(2)} us\n`)
}

process.stdout.write(`${body.length} bytes\n`)
measure('scan', () => scan(body))
measure('toString and JSON.parse', () => JSON.parse(body.toString()))
