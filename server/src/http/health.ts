/**
 * `/livez`: the process runs. `/readyz`: it can serve - database, schema, not stopping. A load
 * balancer sends requests by `/readyz`; only `/livez` may be a reason to restart.
 */
import { Type } from 'typebox'
import { problem } from './problem.ts'
import type { Routes } from './route.ts'
import { named, problems } from './schema.ts'

export interface Readiness {
  ok: boolean
  /** What was looked at, by name: `ok`, or what is wrong in a few words. */
  checks: Record<string, string>
}

export interface HealthRoutesDependencies {
  readiness: () => Promise<Readiness>
  isDraining: () => boolean
}

const HealthSchema = named(
  'Health',
  Type.Object(
    {
      status: Type.Literal('ok'),
      checks: Type.Record(Type.String(), Type.String(), { examples: [{ database: 'ok' }] }),
    },
    { additionalProperties: false },
  ),
)

export function createHealthRoutes({ readiness, isDraining }: HealthRoutesDependencies): Routes {
  return async (app) => {
    app.get(
      '/livez',
      {
        config: { access: 'public', isShedding: false },
        schema: {
          operationId: 'getLiveness',
          tags: ['System'],
          summary: 'Tell whether the process runs',
          response: { 200: HealthSchema },
        },
      },
      async () => ({ status: 'ok' as const, checks: {} }),
    )

    app.get(
      '/readyz',
      {
        config: { access: 'public', isShedding: false },
        schema: {
          operationId: 'getReadiness',
          tags: ['System'],
          summary: 'Tell whether the server can serve requests',
          response: { 200: HealthSchema, ...problems('unavailable', 'shutting_down') },
        },
      },
      async () => {
        if (isDraining()) throw problem('shutting_down')
        const { ok, checks } = await readiness()
        if (!ok) throw problem('unavailable', { facts: { checks } })
        return { status: 'ok' as const, checks }
      },
    )
  }
}
