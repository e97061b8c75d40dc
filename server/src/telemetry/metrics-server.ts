/**
 * The admin address: `GET /metrics` for Prometheus, apart from the API so that it never faces the
 * network that customers come from.
 */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Metrics } from './metrics.ts'

/** Not listening yet. */
export function createMetricsServer(metrics: Pick<Metrics, 'contentType' | 'render'>): Server {
  return createServer((request, response) => {
    const path = request.url?.split('?')[0]
    if (path !== '/metrics') return send(response, 404, 'There is only /metrics.\n')
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return send(response, 405, 'Only GET.\n')
    }
    metrics.render().then(
      (text) => send(response, 200, text, metrics.contentType),
      () => send(response, 500, 'The metrics could not be collected.\n'),
    )
  })
}

function send(response: ServerResponse, status: number, text: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type }).end(text)
}
