/**
 * The generated passwords of the embedded database's logins. The file is written before the cluster
 * is made, so that there is never a cluster whose passwords nobody knows.
 */
import { randomBytes } from 'node:crypto'
import { EmbeddedPostgresError } from './error.ts'
import { readIfThere, writePrivateFile } from './files.ts'

export interface Passwords {
  superuser: string
  owner: string
  server: string
}

/** The passwords of the file, or `undefined` when there is none. */
export async function readPasswords(path: string): Promise<Passwords | undefined> {
  const text = await readIfThere(path)
  if (text === undefined) return undefined
  const parsed = parse(text)
  if (!isPasswords(parsed)) {
    throw new EmbeddedPostgresError(`${path} is damaged: restore it from a copy of the data folder`)
  }
  return parsed
}

/** Makes new passwords and keeps them in the file, readable by its owner only. */
export async function createPasswords(path: string): Promise<Passwords> {
  const passwords = { superuser: password(), owner: password(), server: password() }
  await writePrivateFile(path, `${JSON.stringify(passwords, null, 2)}\n`)
  return passwords
}

function password(): string {
  return randomBytes(24).toString('base64url')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isPasswords(value: unknown): value is Passwords {
  if (typeof value !== 'object' || value === null) return false
  const names = new Map(Object.entries(value))
  return ['superuser', 'owner', 'server'].every((name) =>
    /^[\w-]{16,}$/.test(String(names.get(name))),
  )
}
