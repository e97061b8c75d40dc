/**
 * The shape of the code, held by a machine: who may import whom, and where SQL, the environment,
 * HTTP words and impure calls may stand. A rule that stands in the way is a question to the design.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../server/src')

interface SourceFile {
  /** From `server/src`, such as `ledger/core/decide.ts`. */
  path: string
  /** The first folder, or the file itself at the top. */
  module: string
  /** Without comments. */
  code: string
  /** Ours only, from `server/src`. */
  imports: { path: string; typeOnly: boolean }[]
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
}

const files: SourceFile[] = globSync('**/*.ts', { cwd: root })
  .filter(
    (path) =>
      !/\.(db\.|system\.)?test\.ts$|\.conformance\.ts$|generated\.ts$|(^|\/)testing\.ts$/.test(
        path,
      ),
  )
  .map((path) => {
    const code = withoutComments(readFileSync(join(root, path), 'utf8'))
    const imports = [...code.matchAll(/(import|export)(\s+type)?\s[^'"]*?from\s+'(\.[^']+)'/g)].map(
      (match) => ({
        path: relative(root, resolve(root, dirname(path), match[3] ?? '')),
        typeOnly: match[2] !== undefined,
      }),
    )
    return { path, module: path.split('/')[0] ?? path, code, imports }
  })

/** The files of a module that other modules may import; a module that is not listed has none. */
const faces: Record<string, RegExp> = {
  kernel: /./,
  config: /^config\/config\.ts$/,
  telemetry: /^telemetry\/(logger|metrics|tracing|traces)\.ts$/,
  database: /^database\/[^/]+\.ts$/,
  http: /^http\/[^/]+\.ts$/,
  ledger: /^ledger\/ledger\.ts$/,
  'rate-limits': /^rate-limits\/rate-limits\.ts$/,
  'audit-events': /^audit-events\/audit-events\.ts$/,
  jobs: /^jobs\/jobs\.ts$/,
  mail: /^mail\/mail\.ts$/,
  entries: /^entries\/entries\.ts$/,
  transfers: /^transfers\/transfers\.ts$/,
  // Configuration judges the token key by identity's own rule.
  identity: /^identity\/(identity|tokens\/token-key)\.ts$/,
}

/** They wire modules together and may import any file; `version.ts` reads package.json. */
const compositionRoots = new Set(['app.ts', 'main.ts', 'routes.ts', 'version.ts'])
/** The parts of a start and a stop, and the command line: composition too. */
const compositionModules = new Set(['process', 'cli'])

function offenders(rule: (file: SourceFile) => boolean): string[] {
  return files.filter(rule).map((file) => file.path)
}

describe('imports', () => {
  it('finds the code at all', () => {
    expect(files.length).toBeGreaterThan(40)
    expect(files.flatMap((file) => file.imports).length).toBeGreaterThan(100)
  })

  it('the kernel imports nothing of ours', () => {
    const kernel = files.filter((file) => file.module === 'kernel')
    const outside = kernel.flatMap((file) =>
      file.imports.filter(({ path }) => !path.startsWith('kernel/')).map(({ path }) => path),
    )
    expect(outside).toEqual([])
  })

  it('modules meet only through their faces', () => {
    const crossings = files
      .filter((file) => !compositionRoots.has(file.path) && !compositionModules.has(file.module))
      .flatMap((file) =>
        file.imports
          .filter(({ path }) => path.split('/')[0] !== file.module)
          .filter(({ path }) => !faces[path.split('/')[0] ?? '']?.test(path))
          .map(({ path }) => `${file.path} -> ${path}`),
      )
    expect(crossings).toEqual([])
  })

  it('the core of the ledger imports only itself, the kernel and the types of the engine', () => {
    const core = files.filter((file) => file.path.startsWith('ledger/core/'))
    const outside = core.flatMap((file) =>
      file.imports
        .filter(({ path }) => !/^(kernel|ledger\/core)\//.test(path))
        .filter(({ path, typeOnly }) => !(path === 'ledger/engine.ts' && typeOnly))
        .map(({ path }) => `${file.path} -> ${path}`),
    )
    expect(outside).toEqual([])
  })

  it('there are no barrels', () => {
    expect(offenders(({ path }) => path.endsWith('index.ts'))).toEqual([])
  })
})

describe('what may stand where', () => {
  it('the core of the ledger has no async, clock, random source or I/O', () => {
    const impure =
      /\basync\b|\bawait\b|\bPromise\b|\bDate\.now\b|new Date\(\)|\bperformance\b|Math\.random|\brandom[A-Z]\w+\(|from 'node:|\bprocess\b/
    const core = ({ path, code }: SourceFile) =>
      path.startsWith('ledger/core/') && impure.test(code)
    expect(offenders(core)).toEqual([])
  })

  it('the environment is read in config only', () => {
    expect(
      offenders(({ module, code }) => module !== 'config' && /process\.env\b/.test(code)),
    ).toEqual([])
  })

  it('SQL stands in stores, the ledger and the database module only', () => {
    const home = /(^|\/)([a-z-]+-)?store\.ts$|^ledger\/(postgres|audit)\/|^database\//
    const sql =
      /\b(select\s[\s\S]{1,200}\sfrom\s|insert into\s|delete from\s|update \w+ set\s)|\.(selectFrom|insertInto|updateTable|deleteFrom)\(/
    expect(offenders(({ path, code }) => !home.test(path) && sql.test(code))).toEqual([])
  })

  it('only the ledger writes ledger tables', () => {
    const tables =
      '(account|account_detail|bank_account|batch|batch_seal|transfer|transfer_text|idempotency_key)'
    const writes = new RegExp(
      `(insertInto|updateTable|deleteFrom)\\('${tables}'|(insert into|delete from|update) ${tables}\\b`,
    )
    expect(offenders(({ module, code }) => module !== 'ledger' && writes.test(code))).toEqual([])
  })

  it('HTTP words stand in http, telemetry and route files only', () => {
    const home = /^http\/|^telemetry\/|(^|\/)([a-z-]+-)?routes\.ts$|^app\.ts$/
    const words = /\breply\.|\bstatusCode\b|\.header\(/
    expect(offenders(({ path, code }) => !home.test(path) && words.test(code))).toEqual([])
  })

  it('no file is longer than 400 lines', () => {
    expect(offenders(({ code }) => code.split('\n').length > 400)).toEqual([])
  })
})
