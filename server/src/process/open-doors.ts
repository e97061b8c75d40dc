/** What an operator should know about who can reach the bank: warnings, not errors. */
import type { Config } from '../config/config.ts'
import { isLoopback } from './listen.ts'

export function findOpenDoors({
  server,
  metrics,
}: {
  server: Pick<Config['server'], 'address' | 'tls' | 'trustedProxies'>
  metrics: Pick<Config['metrics'], 'address'>
}): string[] {
  const warnings: string[] = []
  if (!isLoopback(server.address) && !server.tls && server.trustedProxies.length === 0) {
    warnings.push(
      'SERVER_ADDRESS is open to the network without TLS: passwords and tokens can be read on the ' +
        'way. Set TLS_CERT_FILE and TLS_KEY_FILE, or TRUSTED_PROXIES for a proxy that does TLS',
    )
  }
  if (!isLoopback(metrics.address)) {
    warnings.push('METRICS_ADDRESS is open to the network and has no authentication')
  }
  return warnings
}
