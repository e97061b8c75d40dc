/** Listening on a configured address, with errors that name the setting to change. */
import { createServer, type Server } from 'node:net'
import type { Address } from '../config/config.ts'
import { StartError } from './start-error.ts'

export type AddressSetting = 'SERVER_ADDRESS' | 'METRICS_ADDRESS'

/** Resolves with the address that was taken: the port is never 0. */
export async function listen(
  server: Server,
  address: Address,
  setting: AddressSetting,
): Promise<Address> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: address.host, port: address.port, backlog: 4096 }, () => {
      server.removeListener('error', reject)
      resolve()
    })
  }).catch((error: unknown) => {
    throw explain(error, address, setting)
  })
  const actual = server.address()
  const port = typeof actual === 'object' && actual !== null ? actual.port : address.port
  return { host: address.host, port }
}

/**
 * Fails early when an address cannot be listened on, before a start does its long part. The address
 * is free again afterwards, so the real attempt can still fail.
 */
export async function assertListenable(address: Address, setting: AddressSetting): Promise<void> {
  const server = createServer()
  await listen(server, address, setting)
  await new Promise((resolve) => server.close(resolve))
}

/** An address in a URL or in a setting: an IPv6 host is in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

export function isLoopback({ host }: Address): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host)
}

function explain(error: unknown, address: Address, setting: AddressSetting): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const reason = typeof code === 'string' ? reasons[code] : undefined
  if (reason === undefined) return error
  const example = formatAddress({
    host: '127.0.0.1',
    port: address.port === 18_080 ? 18_081 : 18_080,
  })
  return new StartError(
    `cannot listen on ${formatAddress(address)}: ${reason}. ` +
      `Set ${setting} to another address, for example ${setting}=${example}`,
    { cause: error },
  )
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not use that port',
  ENOTFOUND: 'the name has no address',
  EAI_AGAIN: 'the name has no address at the moment',
}
