/**
 * The logins of a bank and its database. The owner runs migrations; the server has only the rights
 * that migrations grant to `tallystick_server`, so it cannot edit what is written for good.
 *
 * Every step tolerates that it was done before. Used by the superuser of the embedded cluster, and
 * by tests on any PostgreSQL from 15 on.
 */
import { escapeLiteral } from 'pg'
import type { ClientBase } from 'pg'

export const databaseName = 'tallystick'
export const ownerLogin = 'tallystick_owner'
export const serverLogin = 'tallystick'
/** Holds the server's rights; cannot log in. */
export const serverRole = 'tallystick_server'

/** Makes the three roles, or sets the passwords of those that are there. */
export async function ensureRoles(
  client: ClientBase,
  passwords: { owner: string; server: string },
): Promise<void> {
  const { rows } = await client.query<{ rolname: string }>(
    'select rolname from pg_roles where rolname = any($1)',
    [[ownerLogin, serverLogin, serverRole]],
  )
  const present = new Set(rows.map((row) => row.rolname))
  const verb = (role: string) => (present.has(role) ? 'alter' : 'create')
  // One implicit tx: all or nothing.
  await client.query(`
    ${present.has(serverRole) ? '' : `create role ${serverRole} nologin;`}
    ${verb(ownerLogin)} role ${ownerLogin} login password ${escapeLiteral(passwords.owner)};
    ${verb(serverLogin)} role ${serverLogin} login password ${escapeLiteral(passwords.server)};
    grant ${serverRole} to ${serverLogin};
    grant ${serverRole} to ${ownerLogin} with admin option;
  `)
}

/** Makes the bank's database where there is none. */
export async function ensureDatabase(client: ClientBase): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [
    databaseName,
  ])
  if (rowCount === 0) await client.query(`create database ${databaseName} owner ${ownerLogin}`)
}
