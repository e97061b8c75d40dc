/**
 * The export through the command, from a real bank with hostile words, and through hledger, which
 * adds everything up again. Needs hledger (`apt-get install hledger`, or HLEDGER_PATH); without one
 * its part is skipped.
 */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cash, createStoreBank, type StoreBank } from '../../../test/support/store-bank.ts'
import { createBanklessServer } from '../../../tools/api-document.ts'
import { commandEntry, runCommand } from '../../../tools/command.ts'
import { present } from '../kernel/assert.ts'
import { findCurrency } from '../kernel/currency.ts'
import { decodeId, encodeId, type Uuid } from '../kernel/ids.ts'
import { MINOR_MAX } from '../kernel/money.ts'
import { auditLedger, type Party } from '../ledger/ledger.ts'
import { createExportStore, exportTransfers, type ExportProgress } from './export.ts'

const run = promisify(execFile)
const hledger = process.env['HLEDGER_PATH'] ?? 'hledger'
const isInstalled = spawnSync(hledger, ['--version']).status === 0
if (!isInstalled) process.stderr.write(`skipped: there is no ${hledger} to read the export\n`)

/** Currencies with 0, 2, 3 and 4 decimals. */
const currencies = ['KRW', 'EUR', 'KWD', 'CLF']

const hostileWords = [
  'a; b ;; c',
  'a, b:c, date:2026-99-99',
  'date2:2026-99-99',
  '[2026-99-99] [=2026-13-01]',
  '(code) ! * pending',
  '! *',
  '| payee | note',
  '"double" \'single\' `back`',
  '= EUR 5 == EUR 6 @@ EUR 7 {EUR 8}',
  'bank:cash:EUR  EUR 100',
  'include /etc/passwd',
  'end comment',
  '~ monthly',
  '=1+1',
  '日本語 العربية 🎉 é',
  '\\n \\ % $ #',
  'ends with a backslash \\',
  '𝔘𝔫𝔦'.repeat(16),
]

let bank: StoreBank
let folder: string
let settings: Record<string, string>
let transferCount = 0
/** What the command has printed; the first one has given everything its place. */
let csv: string
let ndjson: string

beforeAll(async () => {
  bank = await createStoreBank()
  folder = await mkdtemp(join(tmpdir(), 'tallystick-export-'))
  settings = { DATABASE_URL: bank.url, APP_ENV_FILE: '/dev/null' }
  await Promise.all(currencies.map(playStory))
  const { rows } = await bank.owner.query<{ count: string }>('select count(*) from transfer')
  transferCount = Number(rows[0]?.count)
  csv = await exportAs('csv')
  ndjson = await exportAs('ndjson')
})

afterAll(async () => {
  await bank.close()
  await rm(folder, { recursive: true })
})

/** Two customers in one currency, the largest amount there is, fees, and words of all kinds. */
async function playStory(currency: string): Promise<void> {
  const [ada, ben] = [bank.newUuid(), bank.newUuid()]
  const [from, to] = [await bank.open(ada, currency), await bank.open(ben, currency)]
  await bank.open(ben, currency, 'never used')
  const post = (order: Partial<Parameters<StoreBank['post']>[0]>) =>
    bank.post({ debit: { accountId: from }, credit: { accountId: to }, currency, ...order })
  await post({ debit: cash, credit: { accountId: from }, amount: MINOR_MAX - 1000 })
  await post({ debit: cash, credit: { accountId: to }, amount: MINOR_MAX - 1000 })
  await post({ kind: 'withdrawal', credit: { bankCode: 'fees' }, amount: 1 })
  await post({ kind: 'withdrawal', credit: { bankCode: 'settlement:ach_1' }, amount: 12_345 })
  await Promise.all(
    hostileWords.map((words, index) =>
      post({
        principalId: ada,
        amount: 1 + index,
        description: words,
        reference: Array.from(words).slice(0, 64).join(''),
        metadata: { date: words, [Array.from(words).slice(0, 40).join('')]: words, empty: '' },
      }),
    ),
  )
  await captureAndReverse(ada, { accountId: from }, { accountId: to }, currency)
}

/** A hold, a part of it captured, and a part of that reversed by who received it. */
async function captureAndReverse(
  principalId: Uuid,
  debit: Party,
  credit: Party,
  currency: string,
): Promise<void> {
  const asked = () => ({
    principalId,
    authority: 'owner' as const,
    idempotencyKey: { key: bank.newUuid(), index: 0 },
    requestId: 'arrange',
  })
  const words = { description: 'a part', reference: null, metadata: null }
  const order = { debit, credit, amount: 900, currency, expiresInSeconds: 600 }
  const held = await bank.ledger.hold({ ...asked(), ...order, kind: 'hold' })
  if (held.kind !== 'held') throw new Error(held.refusal.code)
  const holdId = held.hold.id
  const capture = { ...asked(), ...words, kind: 'capture', holdId, amount: 700 } as const
  const captured = await bank.ledger.post(capture)
  if (captured.kind !== 'posted') throw new Error(captured.refusal.code)
  const transferId = captured.transfer.id
  const staff = { ...asked(), principalId: bank.newUuid(), authority: 'staff' as const }
  const reversal = { ...staff, ...words, kind: 'reversal', transferId, amount: 300 } as const
  const reversed = await bank.ledger.post(reversal)
  if (reversed.kind !== 'posted') throw new Error(reversed.refusal.code)
}

function exportAs(format: string, ...more: string[]): Promise<string> {
  return runCommand(['export', '--format', format, ...more], { settings })
}

/** RFC 4180, read by its own grammar. */
function readCsv(text: string): Record<string, string>[] {
  const [names = [], ...lines] = text
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) =>
      Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g), ([, quoted, plain]) =>
        quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
      ),
    )
  return lines.map((cells) =>
    Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ''])),
  )
}

interface Side {
  account: string
  seq: number
}

function sidesOf(row: Record<string, string>): Side[] {
  return [
    { account: row['from_account_id'] ?? '', seq: Number(row['from_seq']) },
    { account: row['to_account_id'] ?? '', seq: Number(row['to_seq']) },
  ]
}

it('is of a book that is right', async () => {
  expect((await auditLedger({ url: bank.url })).findings).toEqual([])
})

describe('csv', () => {
  it('has every transfer once, the unsealed too, and each account in the order of its seq', async () => {
    const rows = readCsv(csv)
    expect(rows).toHaveLength(transferCount)
    expect(new Set(rows.map((row) => row['id'])).size).toBe(transferCount)
    const last = new Map<string, number>()
    for (const { account, seq } of rows.flatMap(sidesOf)) {
      expect(seq).toBe((last.get(account) ?? 0) + 1)
      last.set(account, seq)
    }
  })

  it('has the words as they were written', async () => {
    const rows = readCsv(csv)
    const told = rows.filter((row) => row['reference'] !== '' && row['currency'] === 'EUR')
    expect(told.map((row) => row['description'])).toEqual(hostileWords)
    for (const { description, metadata } of told) {
      expect(JSON.parse(metadata ?? '')).toMatchObject({ date: description, empty: '' })
    }
  })

  it('has what captures and reversals belong to', () => {
    const rows = readCsv(csv)
    const captures = rows.filter(({ kind }) => kind === 'capture')
    const reversals = rows.filter(({ kind }) => kind === 'reversal')
    expect(captures).toHaveLength(currencies.length)
    expect(captures.every((row) => row['hold_id']?.startsWith('hold_'))).toBe(true)
    expect(new Set(reversals.map((row) => row['reverses_id']))).toEqual(
      new Set(captures.map(({ id }) => id)),
    )
  })

  it('has the facts that the database has', async () => {
    const [row] = readCsv(csv)
    const { rows } = await bank.owner.query<Record<string, unknown>>(
      `select kind, amount, currency, debit_balance_after as after from transfer where id = $1`,
      [decodeId('xfer', row?.['id'] ?? '')],
    )
    expect(rows).toEqual([
      {
        kind: row?.['kind'],
        amount: row?.['amount'],
        currency: row?.['currency'],
        after: row?.['from_balance_after'],
      },
    ])
  })
})

describe('ndjson', () => {
  it('has one Transfer of the API per line', async () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true })
    addFormats.default(ajv)
    const server = await createBanklessServer()
    ajv.addSchema(server.openApi, 'bank')
    await server.close(0)
    const isTransfer = ajv.compile({ $ref: 'bank#/components/schemas/Transfer' })
    const lines = ndjson.split('\n')
    expect(lines).toHaveLength(transferCount)
    for (const line of lines) {
      const isValid = isTransfer(JSON.parse(line))
      expect(isTransfer.errors ?? []).toEqual([])
      expect(isValid).toBe(true)
    }
  })
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

describe('the command', () => {
  it('gives a file its name when it is whole, to its owner only', async () => {
    const file = join(folder, 'book.csv')
    await exportAs('csv', '--output', file)
    expect((await readFile(file, 'utf8')).trimEnd()).toBe(csv.trimEnd())
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await readdir(folder)).filter((name) => name.endsWith('.partial'))).toEqual([])
  })

  it('says why a file cannot be written', async () => {
    const file = join(folder, 'not', 'there')
    await expect(exportAs('csv', '--output', file)).rejects.toThrow(
      /exited with 1: cannot write .*ENOENT/,
    )
  })

  it('knows its formats', async () => {
    await expect(exportAs('xml')).rejects.toThrow(/exited with 2: .*hledger, csv, ndjson/)
    await expect(runCommand(['export'], { settings })).rejects.toThrow(/exited with 2/)
  })

  it('ends without a word when its reader has gone', async () => {
    const words = [commandEntry, 'export', '--format', 'hledger']
    const child = spawn(process.execPath, words, { env: { ...process.env, ...settings } })
    child.stdout.destroy()
    let complaints = ''
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect([code, complaints]).toEqual([141, ''])
  })

  it('shows progress where it is asked to, and the answer stays the same', async () => {
    const words = [commandEntry, 'export', '--format', 'ndjson', '--progress']
    const { stdout, stderr } = await run(process.execPath, words, {
      env: { ...process.env, ...settings },
    })
    expect(stderr).toBe(`${transferCount} transfers, 100 %\n`)
    expect(stdout.trimEnd()).toBe(ndjson.trimEnd())
  })
})

async function readAll(transfersPerChunk?: number) {
  const told: ExportProgress[] = []
  let text = ''
  const chunks = exportTransfers({
    store: createExportStore(bank),
    format: 'csv',
    seal: () => Promise.resolve(0),
    timeZone: 'UTC',
    onProgress: (progress) => told.push(progress),
    onUnsealed: () => expect.unreachable('the command has sealed everything'),
    ...(transfersPerChunk !== undefined && { transfersPerChunk }),
  })
  for await (const chunk of chunks) text += chunk
  return { text, told }
}

describe('reading', () => {
  it('comes to the same whatever the size of a chunk', async () => {
    const [whole, single] = [await readAll(), await readAll(1)]
    expect(whole.text.trimEnd()).toBe(csv.trimEnd())
    expect(single.text).toBe(whole.text)
    expect(whole.told).toHaveLength(1)
    expect(single.told.length).toBeGreaterThan(5)
    expect(single.told.at(-1)).toMatchObject({ transferCount })
  })

  it('looks everything up by an index', async () => {
    bank.queries.length = 0
    await readAll()
    await bank.owner.query('vacuum analyze')
    for (const { sql, parameters } of bank.queries) {
      // oxlint-disable-next-line no-await-in-loop
      await bank.owner.query('set enable_seqscan = off')
      // oxlint-disable-next-line no-await-in-loop
      const { rows } = await bank.owner.query<Record<string, string>>(`explain ${sql}`, [
        ...parameters,
      ])
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      expect(plan).toContain('Index')
      expect(plan).not.toContain('Seq Scan')
    }
  })
})
