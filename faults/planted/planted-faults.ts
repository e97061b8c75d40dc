/**
 * Faults planted in the server, one at a time, that the harness has to find: a check that finds none of
 * them would say nothing by its silence.
 *
 * Each is a mistake that somebody could make in good faith, as a change to the sources of the server
 * that is made while they are loaded (`hooks.ts`); the product knows nothing of it.
 */
import type { Patch } from './patch.ts'

export interface PlantedFault {
  /** In kebab-case. */
  name: string
  /** What the mistake is, for `--planted list`. */
  description: string
  patches: readonly Patch[]
  /** The kinds of faults that bring it to light. */
  faults: readonly string[]
  /** The words of violations that count as having found it, and nothing else as such. */
  shownBy: RegExp
  /** For PostgreSQL, over the durable ones. */
  postgresSettings?: Readonly<Record<string, string>>
}

const attempt = 'ledger/postgres/attempt.ts'
const statements = 'ledger/postgres/statements.ts'

const lost = /^it was acknowledged and is not there/
const wrongBooks = /by the book$|^the auditor|no chain|^an account went back| at version /
const doubled = /^it is there \d+ times/
const deniedAndDone = /said that nothing was done, and it (is there|had been)/

const splitWriteSet = new URL('./split-write-set.ts', import.meta.url).href

export const plantedFaults: readonly PlantedFault[] = [
  {
    name: 'answer-before-commit',
    description: 'clients are answered when COMMIT is sent, and not when it is done',
    patches: [
      {
        file: attempt,
        find: `const result = readCommit(await flight, outcomes)`,
        replace: `void flight; const result = { kind: 'committed', outcomes }`,
      },
    ],
    faults: ['commit-cut-before'],
    shownBy: lost,
  },
  {
    name: 'ignore-rollback-tag',
    description: 'a COMMIT that gave no error counts as done, whatever its tag says',
    patches: [
      {
        file: attempt,
        find: `if (sqlStateOf(write.error) !== undefined) return failed(write.error)\n    return`,
        replace: `if (sqlStateOf(write.error) === undefined) return`,
      },
      {
        file: attempt,
        find: `if (commit.result.command !== 'COMMIT')`,
        replace: `if (commit.result.command === '')`,
      },
    ],
    faults: ['deadlock-errors', 'serialization-errors'],
    shownBy: lost,
  },
  {
    name: 'client-failure-in-pipeline',
    description: 'a batch is two statements; one may fail in the driver, and COMMIT is still sent',
    patches: [
      {
        file: attempt,
        find: `import { isEmpty, writeSet } from './write-set.ts'`,
        replace: `import { isEmpty, writeSet } from './write-set.ts'; import { splitWriteSet } from '${splitWriteSet}'`,
      },
      {
        file: attempt,
        find: `connection.fly([write, 'commit'], `,
        replace: `connection.fly([...splitWriteSet(write), 'commit'], `,
      },
      {
        file: attempt,
        find: `present(answers[1], 'the answer to COMMIT')`,
        replace: `present(answers.at(-1), 'the answer to COMMIT')`,
      },
    ],
    faults: ['deliver-twice'],
    shownBy: wrongBooks,
  },
  {
    name: 'lock-and-read-in-one-statement',
    description: 'the statement that locks the accounts also reads what belongs to them',
    patches: [
      {
        file: statements,
        find: `overdraft_limit, ledger_balance, held, version,`,
        replace:
          `overdraft_limit,` +
          ` (select b.ledger_balance from account as b where b.id = account.id) as ledger_balance,` +
          ` (select b.held from account as b where b.id = account.id) as held, version,`,
      },
    ],
    faults: ['deliver-twice'],
    shownBy: wrongBooks,
  },
  {
    name: 'key-in-another-tx',
    description: 'idempotency keys are stored in a tx of their own, after that of the transfers',
    patches: [
      {
        file: attempt,
        find: `writeSet(decision)`,
        replace: `writeSet({ ...decision, keys: [] })`,
      },
      {
        file: attempt,
        find: `if (isInDoubt(result)) connection.destroy()\n`,
        replace:
          `if (isInDoubt(result)) connection.destroy()\n` +
          `    else await connection.fly([writeSet({ accounts: [], transfers: [], holds: [],` +
          ` staffEvents: [], keys: decision.keys })], options.flightLimitMilliseconds)\n`,
      },
    ],
    faults: ['commit-cut-after', 'deliver-twice'],
    shownBy: doubled,
  },
  {
    name: 'no-lock',
    description: 'accounts are read without a lock',
    patches: [
      {
        file: statements,
        find: `text: lockText('for no key update'),`,
        replace: `text: lockText(''),`,
      },
    ],
    faults: ['deliver-twice'],
    shownBy: /^no bank may answer with 500|by the book$|^the auditor/,
  },
  {
    name: 'unknown-is-failed',
    description: 'a COMMIT whose answer is lost counts as not done, and clients are told so',
    patches: [
      {
        file: attempt,
        find: `: { kind: 'unknown', error: commit.error }`,
        replace: `: failed(commit.error)`,
      },
    ],
    faults: ['commit-cut-after'],
    shownBy: deniedAndDone,
  },
  {
    name: 'synchronous-commit-off',
    description: 'COMMIT does not wait for the disk',
    patches: [
      { file: statements, find: `jit: 'off',`, replace: `jit: 'off', synchronous_commit: 'off',` },
    ],
    faults: ['kill-postgres'],
    shownBy: lost,
    // What is not written yet is lost with the processes; what waits for the disk alone would not be.
    postgresSettings: { wal_writer_delay: '10s', wal_writer_flush_after: '1GB' },
  },
]

/** Throws for a name that there is not. */
export function findPlantedFault(name: string): PlantedFault {
  const found = plantedFaults.find((each) => each.name === name)
  if (!found) {
    const names = plantedFaults.map((each) => each.name).join(', ')
    throw new Error(`there is no planted fault ${name}: it is one of ${names}`)
  }
  return found
}
