/** The token key of an embedded bank: made once, kept in the data folder for its owner's eyes only. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateTokenKey, parseTokenKey } from '../identity/tokens/token-key.ts'
import { StartError } from './start-error.ts'

export const tokenKeyFileName = 'token-key.txt'

/** Reads the key of the data folder, or makes one: `created` says which. */
export async function keepTokenKey(
  dataDirectory: string,
): Promise<{ key: Uint8Array; file: string; created: boolean }> {
  const file = join(dataDirectory, tokenKeyFileName)
  const kept = await readIfThere(file)
  const text = kept?.trim() ?? generateTokenKey()
  const parsed = parseTokenKey(text)
  if (!parsed.ok) {
    throw new StartError(
      `the token key in ${file} ${parsed.reason}. Without that file the next start makes a new ` +
        'key, and everyone logs in again',
    )
  }
  if (kept === undefined) await writeWhole(file, `${text}\n`)
  return { key: parsed.key, file, created: kept === undefined }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** The folder's lock is held, so nobody else writes beside. */
async function writeWhole(file: string, text: string): Promise<void> {
  const draft = `${file}.unfinished`
  await writeFile(draft, text, { mode: 0o600, flush: true })
  await rename(draft, file)
}
