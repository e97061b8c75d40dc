import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/support/database.ts'
import type { TestDatabase } from '../../../test/support/database.ts'
import { addressOf, createTcpProxy } from '../../../test/support/tcp-proxy.ts'
import { waitForDatabase } from './wait.ts'

let database: TestDatabase

beforeEach(async () => {
  database = await createTestDatabase()
})

afterEach(() => database.drop())

function withPort(port: number): string {
  return addressOf(database.url).urlAt(port)
}

async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return isAddress(address) ? address.port : 0
}

function isAddress(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}

/** Answers every connection with an error, as PostgreSQL does while it starts. */
function createRefusingServer(code: string, onConnection: () => void): Server {
  const fields = Buffer.from(`SFATAL\0C${code}\0Mpassword authentication failed\0\0`)
  const header = Buffer.alloc(5)
  header.write('E')
  header.writeInt32BE(fields.length + 4, 1)
  return createServer((socket) => {
    onConnection()
    socket.on('error', () => {})
    socket.once('data', () => socket.end(Buffer.concat([header, fields])))
  })
}

test('a database that is there is not waited for', async () => {
  await expect(waitForDatabase(database.url, 0)).resolves.toBeUndefined()
})

test('a database that comes up within the limit is waited for', async () => {
  const placeholder = createServer()
  const port = await listen(placeholder)
  placeholder.close()
  await once(placeholder, 'close')
  // Nothing listens there, then something that says "starting up", then the database.
  const waiting = waitForDatabase(withPort(port), 20_000)
  const asked = Promise.withResolvers<void>()
  const starting = createRefusingServer('57P03', asked.resolve)
  await listen(starting, port)
  await asked.promise
  starting.close()
  await once(starting, 'close')
  const proxy = await createTcpProxy(database.url, port)
  await expect(waiting).resolves.toBeUndefined()
  await proxy.close()
})

test('a database that does not come up is given up with its address and the reason', async () => {
  const placeholder = createServer()
  const port = await listen(placeholder)
  placeholder.close()
  await once(placeholder, 'close')
  const error: unknown = await waitForDatabase(withPort(port), 600).catch((thrown) => thrown)
  expect(error).toMatchObject({
    name: 'DatabaseSetupError',
    message: expect.stringMatching(
      `^no database at 127.0.0.1:${port}/test_.* after 0.6 s: .*REFUSED`,
    ),
  })
  expect(String(error)).not.toContain(new URL(database.url).password)
})

test.each([
  ['28P01', 'a wrong password'],
  ['3D000', 'a database that does not exist'],
])('%s, %s, fails at once', async (code) => {
  let attempts = 0
  const server = createRefusingServer(code, () => {
    attempts += 1
  })
  const port = await listen(server)
  await expect(waitForDatabase(withPort(port), 60_000)).rejects.toMatchObject({
    name: 'DatabaseSetupError',
    message: expect.stringContaining(`127.0.0.1:${port}`),
  })
  expect(attempts).toBe(1)
  server.close()
})

test('a database that does not exist is told by PostgreSQL itself, and fails at once', async () => {
  const url = new URL(database.url)
  url.pathname = '/nowhere'
  await expect(waitForDatabase(url.href, 60_000)).rejects.toThrow('/nowhere')
})
