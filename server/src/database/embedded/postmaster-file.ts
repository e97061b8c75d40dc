/**
 * Reads postmaster.pid, which PostgreSQL keeps in its folder while it runs: pid, folder, start time, port,
 * socket folder, listen address, shared memory key, state (src/include/utils/pidfile.h).
 */
import { join } from 'node:path'
import type { Address } from './address.ts'
import { readIfThere } from './files.ts'

export interface Postmaster {
  pid: number
  /** Where it listens, once it does. */
  address: Address | undefined
  ready: boolean
}

export function postmasterFile(cluster: string): string {
  return join(cluster, 'postmaster.pid')
}

/** What the file says, or `undefined` when there is none or it is not whole yet. */
export async function readPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const text = await readIfThere(postmasterFile(cluster))
  const [pidText, , , port, socketFolder, listenAddress, , state] = text?.split('\n') ?? []
  const pid = Number(pidText)
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  const host = socketFolder || listenAddress
  return {
    pid,
    address: host && Number(port) > 0 ? { host, port: Number(port) } : undefined,
    ready: state?.trim() === 'ready',
  }
}
