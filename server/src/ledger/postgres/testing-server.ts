/**
 * A server of a test's own process: an engine that stops itself (SIGSTOP) inside a batch, with its
 * account locks held, when it is told to.
 *
 * Arguments: the URL. Messages in: `{ instructions, stopInside }`; out: `{ outcomes }`, the codes.
 */
import { decide } from '../core/decide.ts'
import type { TransferInstruction } from '../engine.ts'
import { createPostgresLedger } from './postgres-ledger.ts'

interface Order {
  instructions: TransferInstruction[]
  stopInside: boolean
}

const [url = ''] = process.argv.slice(2)
let stopInside = false
const ledger = createPostgresLedger({
  url,
  namedStatements: true,
  transferAmountMax: Number.MAX_SAFE_INTEGER,
  decide(input) {
    // The locks are held and nothing is written yet.
    if (stopInside) {
      stopInside = false
      process.kill(process.pid, 'SIGSTOP')
    }
    return decide(input)
  },
})

async function carryOut(order: Order): Promise<void> {
  stopInside = order.stopInside
  const answers = await Promise.allSettled(order.instructions.map((each) => ledger.post(each)))
  process.send?.({
    outcomes: answers.map((answer) =>
      answer.status === 'fulfilled' ? answer.value.kind : answer.reason.code,
    ),
  })
}

process.on('message', (order: Order) => void carryOut(order))
process.on('disconnect', () => process.exit())
process.send?.('ready')
