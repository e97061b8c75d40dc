/** The certificate and key of TLS_CERT_FILE and TLS_KEY_FILE. */
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { Config } from '../config/config.ts'
import { StartError } from './start-error.ts'

/** Throws a {@link StartError} that names the setting whose file does not serve. */
export async function readTls(
  files: Config['server']['tls'],
): Promise<{ cert: string; key: string } | undefined> {
  if (files === undefined) return undefined
  const cert = await readPem('TLS_CERT_FILE', files.certFile)
  const key = await readPem('TLS_KEY_FILE', files.keyFile)
  try {
    createSecureContext({ cert, key })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartError(`TLS_CERT_FILE and TLS_KEY_FILE are no pair: ${reason}`, { cause: error })
  }
  return { cert, key }
}

async function readPem(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StartError(`${setting} cannot be read: ${reason}`, { cause: error })
  }
}
