/** The export from a real bank with hostile words: what is in it, and how it is read. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { beforeAll, describe, expect, it } from 'vitest'
import type { StoreBank } from '../../../test/support/store-bank.ts'
import { createBanklessServer } from '../../../tools/api-document.ts'
import { decodeId } from '../kernel/ids.ts'
import { auditLedger } from '../ledger/ledger.ts'
import { createExportStore, exportTransfers, type ExportProgress } from './export.ts'
import { currencies, hostileWords, useExportWorld } from './testing.ts'

const { world, exportAs } = useExportWorld()
let bank: StoreBank
let transferCount: number
/** What the command has printed; the first one has given everything its place. */
let csv: string
let ndjson: string

beforeAll(async () => {
  ;({ bank, transferCount } = world())
  csv = await exportAs('csv')
  ndjson = await exportAs('ndjson')
})

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
