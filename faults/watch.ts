/**
 * What clients see of accounts while all is in motion, on any server: it never goes back.
 *
 * - A reading that began after an answer had come shows at least the version of that answer, also
 *   when another server gave it.
 * - A version of an account has one balance, whoever shows it and whenever.
 * - Entries are a chain: each seq one more than the one before, each balance the one before plus the
 *   amount.
 */
import { membersOf, partsOf } from './answers.ts'
import { wrong, type Violation } from './violation.ts'

export interface Watch {
  /** The version that a reading which begins now has to show. */
  floorOf(accountId: string): number
  /** An account as a server shows it. */
  sawAccount(server: string, floor: number, body: unknown): void
  /** The newest entries of an account. */
  sawEntries(server: string, floor: number, accountId: string, body: unknown): void
  /** The answer to an instruction, which shows its caller's own side. */
  sawPosted(server: string, text: string): void
  /** How much was looked at. */
  readonly checked: number
  takeViolations(): Violation[]
}

interface SeenEntry {
  seq: number
  amount: number
  balance: number
}

export function createWatch(): Watch {
  const floors = new Map<string, number>()
  const balances = new Map<string, Map<number, number>>()
  let violations: Violation[] = []
  let checked = 0

  const floorOf = (accountId: string) => floors.get(accountId) ?? 0

  function complain(text: string, server: string, body: unknown): void {
    violations.push(wrong(text, `${server} answered ${JSON.stringify(body)}`))
  }

  function saw(server: string, accountId: string, seq: number, balance: number): void {
    checked += 1
    floors.set(accountId, Math.max(floorOf(accountId), seq))
    const known = balances.get(accountId) ?? new Map<number, number>()
    balances.set(accountId, known)
    const before = known.get(seq)
    if (before === undefined) known.set(seq, balance)
    else if (before !== balance) {
      const text = `${accountId} had ${before} at version ${seq} and now has ${balance} there`
      complain(text, server, { seq, balance })
    }
  }

  function mustReach(server: string, floor: number, version: number, body: unknown): void {
    checked += 1
    if (version >= floor) return
    complain(`an account went back from version ${floor} to ${version}`, server, body)
  }

  return {
    floorOf,
    sawAccount(server, floor, body) {
      const account = membersOf(body)
      const version = Number(account['version'])
      mustReach(server, floor, version, body)
      saw(server, String(account['id']), version, Number(account['ledger_balance']))
    },
    sawEntries(server, floor, accountId, body) {
      const list = membersOf(body)['data']
      const entries = Array.isArray(list) ? list.map(readEntry) : []
      mustReach(server, floor, entries[0]?.seq ?? 0, entries[0])
      for (const [index, { seq, amount, balance }] of entries.entries()) {
        saw(server, accountId, seq, balance)
        const older = entries[index + 1]
        if (older && (older.seq !== seq - 1 || older.balance !== balance - amount)) {
          complain(`the entries of ${accountId} are no chain at ${seq}`, server, entries)
        }
      }
    },
    sawPosted(server, text) {
      for (const transfer of partsOf(text)) {
        for (const [member, side] of [
          ['from_account_id', 'from_entry'],
          ['to_account_id', 'to_entry'],
        ] as const) {
          if (!(side in transfer)) continue
          const { seq, balance } = readEntry(transfer[side])
          saw(server, String(transfer[member]), seq, balance)
        }
      }
    },
    get checked() {
      return checked
    },
    takeViolations() {
      const taken = violations
      violations = []
      return taken
    },
  }
}

function readEntry(value: unknown): SeenEntry {
  const entry = membersOf(value)
  return {
    seq: Number(entry['seq']),
    amount: Number(entry['amount']),
    balance: Number(entry['balance_after']),
  }
}
