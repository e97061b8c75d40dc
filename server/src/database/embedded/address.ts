/**
 * Where the embedded PostgreSQL listens: a Unix socket in its own private folder, which nobody else
 * can reach and which costs less than TCP; or a free port of the loopback address where the
 * socket's path would be longer than the system allows. Passwords are asked for on both.
 */
import { createServer } from 'node:net'
import { join } from 'node:path'
import { superuser } from './initialize.ts'
import type { Passwords } from './passwords.ts'
import { databaseName, ownerLogin, serverLogin } from './roles.ts'
import type { Settings } from './settings.ts'

/** `host` is an address, or the folder of the socket. */
export interface Address {
  host: string
  port: number
}

export interface Urls {
  url: string
  ownerUrl: string
  superuserUrl: string
}

const SOCKET_PORT = 5432
// sun_path: 108 bytes on Linux, 104 on macOS, both with the NUL at the end.
const socketPathBytesMax = process.platform === 'linux' ? 107 : 103

/** The socket of a cluster in this folder; `undefined` when its path would be too long. */
export function socketPath(cluster: string): string | undefined {
  const path = join(cluster, `.s.PGSQL.${SOCKET_PORT}`)
  return Buffer.byteLength(path) <= socketPathBytesMax ? path : undefined
}

/** The address for a cluster in this folder. */
export async function chooseAddress(cluster: string): Promise<Address> {
  if (socketPath(cluster) !== undefined) return { host: cluster, port: SOCKET_PORT }
  return { host: '127.0.0.1', port: await findFreePort() }
}

export function isSocket(address: Address): boolean {
  return address.host.startsWith('/')
}

export function addressSettings(address: Address): Settings {
  return {
    port: String(address.port),
    listen_addresses: isSocket(address) ? '' : address.host,
    // A list: the quotes make it one folder, whatever its name.
    unix_socket_directories: isSocket(address) ? `"${address.host.replaceAll('"', '""')}"` : '',
    unix_socket_permissions: '0700',
  }
}

/** The URLs of the three logins. */
export function urlsAt(address: Address, passwords: Passwords): Urls {
  return {
    url: urlAt(address, serverLogin, passwords.server, databaseName),
    ownerUrl: urlAt(address, ownerLogin, passwords.owner, databaseName),
    superuserUrl: urlAt(address, superuser, passwords.superuser, databaseName),
  }
}

/** A URL that both `pg` and libpq understand; the socket's folder overrides the host name. */
export function urlAt(address: Address, user: string, password: string, database: string): string {
  const url = new URL(`postgresql://localhost/${database}`)
  url.username = user
  url.password = password
  if (isSocket(address)) url.searchParams.set('host', address.host)
  else url.hostname = address.host
  url.port = String(address.port)
  // The user's PGSSLMODE is meant for other servers.
  url.searchParams.set('sslmode', 'disable')
  // libpq does not read a plus as a blank.
  return url.href.replaceAll('+', '%20')
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return address.port
}
