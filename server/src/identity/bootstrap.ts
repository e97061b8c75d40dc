/**
 * The first admin, made at start while the bank has none.
 *
 * Invariants: several servers that start at once make one admin. A user who is there already is
 * never made an admin, since anyone may have signed up under that name. A password that was made up
 * here is in a file that only its owner reads before the user is in the database, so it cannot be
 * lost in between; a start that was cut there makes a new one.
 */
import { randomBytes } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Uuid } from '../kernel/ids.ts'
import type { Passwords } from './passwords/passwords.ts'
import type { NewUser, UserStore } from './users/store.ts'
import { findUserTextProblems, normalizeUsername, roles } from './users/user.ts'

/**
 * `configured`: the name and password that the operator chose. `generated`: the user `admin` with a
 * random password, kept in `first-admin.txt` of the data folder. `none`: no admin is made.
 */
export type BootstrapRequest =
  | { kind: 'configured'; username: string; password: string }
  | { kind: 'generated'; dataDirectory: string }
  | { kind: 'none' }

export type BootstrapOutcome =
  | { kind: 'admin_exists' }
  | { kind: 'not_requested' }
  | { kind: 'created'; username: string }
  /** To be shown once. `file` keeps it. */
  | { kind: 'created_with_password'; username: string; password: string; file: string }
  /** Somebody who is no admin has the name: choose another, or grant the role by command. */
  | { kind: 'username_taken'; username: string }
  | { kind: 'invalid'; detail: string }

export interface BootstrapDependencies {
  store: UserStore
  passwords: Passwords
  nextId: () => Uuid
}

export const firstAdminFileName = 'first-admin.txt'

const generatedUsername = 'admin'
const generatedPasswordBytes = 15

export function createBootstrap({ store, passwords, nextId }: BootstrapDependencies) {
  async function insertAdmin(username: string, password: string) {
    const admin: NewUser = {
      id: nextId(),
      username,
      fullName: 'First Admin',
      // A domain that is nobody's, ever (RFC 2606). The admin sets their own.
      email: `${username}@bank.invalid`,
      passwordHash: await passwords.hash(password),
      roles,
      origin: 'start',
    }
    return await store.insertFirstAdmin(admin)
  }

  async function createConfigured(typed: string, password: string): Promise<BootstrapOutcome> {
    const username = normalizeUsername(typed)
    const [finding] = findUserTextProblems({ username: typed, password })
    if (finding !== undefined || username === undefined) {
      const detail = `${finding?.member ?? 'username'}: ${finding?.detail ?? 'is not valid'}`
      return { kind: 'invalid', detail }
    }
    const result = await insertAdmin(username, password)
    if (result === 'admin_exists') return { kind: 'admin_exists' }
    if (result === 'username_taken') return { kind: 'username_taken', username }
    return { kind: 'created', username }
  }

  async function createGenerated(dataDirectory: string): Promise<BootstrapOutcome> {
    const password = randomBytes(generatedPasswordBytes).toString('base64url')
    const file = join(dataDirectory, firstAdminFileName)
    await writeFirstAdmin(file, password)
    const username = generatedUsername
    const result = await insertAdmin(username, password)
    if (result === 'admin_exists') return { kind: 'admin_exists' }
    if (result === 'username_taken') return { kind: 'username_taken', username }
    return { kind: 'created_with_password', username, password, file }
  }

  return async (request: BootstrapRequest): Promise<BootstrapOutcome> => {
    if (request.kind === 'none') return { kind: 'not_requested' }
    if (await store.hasAdmin()) return { kind: 'admin_exists' }
    return request.kind === 'configured'
      ? await createConfigured(request.username, request.password)
      : await createGenerated(request.dataDirectory)
  }
}

/** Written beside and moved into place, so that the file is whole and never readable by others. */
async function writeFirstAdmin(file: string, password: string): Promise<void> {
  const text = `username: ${generatedUsername}\npassword: ${password}\n`
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, text, { mode: 0o600, flag: 'wx', flush: true })
  await rename(draft, file)
}
