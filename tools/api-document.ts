/**
 * The whole API without a bank behind it: all routes of the app on a database that is never asked,
 * for the OpenAPI document and for tables that must name every route.
 */
import { createRoutes } from '../server/src/routes.ts'
import { loadConfig } from '../server/src/config/config.ts'
import { createDatabase } from '../server/src/database/database.ts'
import { createHttpServer, type HttpServer } from '../server/src/http/server.ts'
import { createIdentity } from '../server/src/identity/identity.ts'
import { endlessKeyRing } from '../server/src/identity/tokens/key-ring.ts'
import { systemClock } from '../server/src/kernel/clock.ts'
import { createMemoryLedger } from '../server/src/ledger/memory/memory-ledger.ts'

export const openApiFile = 'docs/reference/openapi.json'

/** A server that is ready and does not listen. Close it. */
export async function createBanklessServer(): Promise<HttpServer> {
  const config = loadConfig({ environment: {} }, { purpose: 'command' })
  const database = createDatabase({
    url: 'postgres://nobody@127.0.0.1:1/none',
    poolSize: 1,
    applicationName: 'none',
    namedStatements: true,
  })
  const identity = createIdentity({
    database,
    tokens: { ...config.tokens, ring: endlessKeyRing([Buffer.alloc(32, 'key')]) },
    clock: systemClock,
  })
  const server = await createHttpServer({
    routes: createRoutes(config, database, createMemoryLedger(), identity),
    authenticate: async () => ({ ok: false, code: 'token_invalid' }),
    readiness: async () => ({ ok: true, checks: {} }),
    onError(error) {
      throw error
    },
  })
  return { ...server, close: (limit) => server.close(limit).then(() => database.close()) }
}

/** The text of the committed OpenAPI document, as it must be now. */
export async function createOpenApiText(): Promise<string> {
  const server = await createBanklessServer()
  await server.close(0)
  return `${JSON.stringify(server.openApi, null, 2)}\n`
}
