/**
 * Who has the server's rights. Migrations grant them to the NOLOGIN role `tallystick_server`; the
 * server's login becomes its member. Where one login is both owner and server, each tx takes the
 * role on with SET LOCAL ROLE, which takes the owner's rights away for that tx.
 *
 * PostgreSQL 16 split membership into inheriting a role's rights and being able to SET ROLE to it;
 * on 15 a member has both, the former by the login's own INHERIT.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { escapeIdentifier, type QueryResult, type QueryResultRow } from 'pg'
import { sqlStateOf } from './errors.ts'

export const serverRole = 'tallystick_server'

interface Queryable {
  query<R extends QueryResultRow>(text: string, values?: unknown[]): Promise<QueryResult<R>>
}

const attemptsMax = 5

/**
 * Makes the server's login a member of the server's role, unless it is one. What cannot be done is
 * said in the log with the statement that a person with more rights must run.
 */
export async function grantServerRole(
  client: Queryable,
  serverLogin: string | undefined,
  log: (line: string) => void,
): Promise<void> {
  const state = await readState(client, serverLogin)
  if (state.login === null) {
    log(
      `the login ${serverLogin} does not exist: create it, then ${grantText(serverLogin ?? '', true)}`,
    )
    return
  }
  if (state.sufficient) return
  const text = grantText(state.login, state.splitMembership)
  const refusal = await tryGrant(client, text)
  if (refusal === undefined && (await readState(client, serverLogin)).sufficient) return
  const effect = state.sameLogin
    ? 'the server works with the rights of the owner of the schema'
    : `the login ${state.login} cannot work with the schema`
  log(`${effect}, because it is no member of ${serverRole}: as a superuser run ${text}`)
}

interface MembershipState {
  /** `null` when there is no such login. */
  login: string | null
  sameLogin: boolean
  sufficient: boolean
  splitMembership: boolean
}

async function readState(
  client: Queryable,
  serverLogin: string | undefined,
): Promise<MembershipState> {
  const { rows } = await client.query<Omit<MembershipState, 'login'> & { login: string }>(
    `select rolname as login,
       rolname = current_user as "sameLogin",
       version >= 160000 as "splitMembership",
       pg_has_role(oid, '${serverRole}', case
         when rolname <> current_user then 'USAGE'
         when version >= 160000 then 'SET'
         else 'MEMBER'
       end) as sufficient
     from pg_roles, (select current_setting('server_version_num')::integer as version) as server
     where rolname = coalesce($1, current_user)`,
    [serverLogin],
  )
  return rows[0] ?? { login: null, sameLogin: false, sufficient: false, splitMembership: true }
}

function grantText(login: string, splitMembership: boolean): string {
  const options = splitMembership ? ' with inherit true, set true' : ''
  return `grant ${serverRole} to ${escapeIdentifier(login)}${options}`
}

/**
 * Resolves with the error that a lack of rights gives. Roles belong to the whole cluster, so other
 * databases' migrations, which hold other locks, may grant the same at the same moment: then one of
 * them fails with XX000 (tuple concurrently updated) or 23505 and tries again.
 */
async function tryGrant(client: Queryable, text: string): Promise<unknown> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.query(text)
      return undefined
    } catch (error) {
      const code = sqlStateOf(error)
      if (code === '42501' || code === '0LP01') return error
      if ((code !== 'XX000' && code !== '23505') || attempt === attemptsMax) throw error
    }
    await delay(Math.random() * 50 * attempt)
  }
}

/**
 * The role that each tx must take on, once the schema is there: none for a login of least rights,
 * the server's role for one that owns the schema. When the owner cannot take it on, `warning` says
 * so.
 */
export async function findServerRole(
  client: Queryable,
): Promise<{ role?: string; warning?: string }> {
  const { rows } = await client.query<{ login: string; owns: boolean; settable: boolean }>(
    `select current_user as login,
       pg_has_role(current_user, relowner, 'USAGE') as owns,
       pg_has_role(current_user, '${serverRole}', case
         when current_setting('server_version_num')::integer >= 160000 then 'SET'
         else 'MEMBER'
       end) as settable
     from pg_class
     where oid = 'transfer'::regclass`,
  )
  const [state] = rows
  if (state === undefined || !state.owns) return {}
  if (state.settable) return { role: serverRole }
  return {
    warning:
      `the login ${state.login} owns the schema and cannot take on the role ${serverRole}, so the ` +
      'server works with more rights than it needs: use two logins, or as a superuser run ' +
      `grant ${serverRole} to ${escapeIdentifier(state.login)}`,
  }
}
