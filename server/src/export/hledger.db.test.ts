/**
 * The export from a real bank with hostile words through hledger, which adds everything up again.
 * Needs hledger (`apt-get install hledger`, or HLEDGER_PATH); without one it is skipped.
 */
import { execFile, spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import type { StoreBank } from '../../../test/support/store-bank.ts'
import { present } from '../kernel/assert.ts'
import { findCurrency } from '../kernel/currency.ts'
import { encodeId, type Uuid } from '../kernel/ids.ts'
import { useExportWorld } from './testing.ts'

const run = promisify(execFile)
const hledger = process.env['HLEDGER_PATH'] ?? 'hledger'
const isInstalled = spawnSync(hledger, ['--version']).status === 0
if (!isInstalled) process.stderr.write(`skipped: there is no ${hledger} to read the export\n`)

const { world, exportAs } = useExportWorld()
let bank: StoreBank
let folder: string
let transferCount: number

beforeAll(() => {
  ;({ bank, folder, transferCount } = world())
})

/** As hledger writes them, by the names of the journal. */
async function balancesOfDatabase(): Promise<Record<string, string>> {
  interface Row {
    id: Uuid
    owner_id: Uuid | null
    code: string | null
    currency: string
    debit: string
  }
  const { rows } = await bank.owner.query<Row>(
    `select a.id, a.owner_id, b.code, a.currency,
       case a.normal_side when 'debit' then a.ledger_balance else -a.ledger_balance end as debit
     from account as a left join bank_account as b on b.account_id = a.id where a.version > 0`,
  )
  return Object.fromEntries(
    rows.map(({ id, owner_id, code, currency, debit }) => {
      const { exponent } = present(findCurrency(currency), currency)
      const owner = owner_id === null ? '' : encodeId('user', owner_id)
      const name =
        code === null ? `customers:${owner}:${encodeId('acct', id)}` : `bank:${code}:${currency}`
      const digits = debit.replace('-', '').padStart(exponent + 1, '0')
      const point = digits.length - exponent
      const amount = exponent === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`
      const sign = debit.startsWith('-') ? '-' : ''
      return [name, debit === '0' ? '0' : `${currency} ${sign}${amount}`]
    }),
  )
}

describe.skipIf(!isInstalled)('hledger', () => {
  const environment = { ...process.env, LC_ALL: 'C.UTF-8' }
  let journal: string

  beforeAll(async () => {
    journal = join(folder, 'book.journal')
    await exportAs('hledger', '--output', journal)
  })

  async function read(...words: string[]): Promise<string> {
    const { stdout } = await run(hledger, words, { env: environment, maxBuffer: 64 * 2 ** 20 })
    return stdout
  }

  it('finds the journal strictly in order, and every balance that the ledger wrote down', async () => {
    expect(await read('-f', journal, 'check', '--strict')).toBe('')
    const assertion = /^ {4}(?:bank|customers):\S+ {2}[A-Z]{3} -?[\d.]+ = [A-Z]{3} -?[\d.]+$/gm
    expect((await readFile(journal, 'utf8')).match(assertion)).toHaveLength(2 * transferCount)
    const transactions = (await read('-f', journal, 'print', '-O', 'csv')).matchAll(
      /"xfer_\w{26}"/g,
    )
    expect(new Set(Array.from(transactions, ([code]) => code)).size).toBe(transferCount)
  })

  it('comes to the balances of the database, exactly, in every account', async () => {
    const balances = await read('-f', journal, 'balance', '--flat', '--empty', '-N', '-O', 'csv')
    const found = balances
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [, account = '', balance = ''] = /^"([^"]+)","([^"]*)"$/.exec(line) ?? []
        return [account, balance] as const
      })
    expect(Object.fromEntries(found)).toEqual(await balancesOfDatabase())
  })

  it('would notice an amount that is not right, and a balance', async () => {
    const text = await readFile(journal, 'utf8')
    const [wrongAmount, wrongBalance] = [join(folder, 'amount'), join(folder, 'balance')]
    await writeFile(wrongAmount, text.replace('KWD -0.003 ', 'KWD -0.004 '))
    await expect(read('-f', wrongAmount, 'check')).rejects.toThrow(/could not balance|unbalanced/)
    await writeFile(wrongBalance, text.replace(/ = KRW -(\d+)\d\n/, ' = KRW -$1\n'))
    await expect(read('-f', wrongBalance, 'check')).rejects.toThrow('assertion')
  })
})
