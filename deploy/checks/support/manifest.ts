/** Kubernetes objects as they are rendered, and ways to look into them. */
import { parseAllDocuments } from 'yaml'

export interface Manifest {
  apiVersion: string
  kind: string
  name: string
  namespace: string | undefined
  /** The whole object. */
  value: unknown
}

/** Throws for a document that is no object of Kubernetes. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]
    const value: unknown = document.toJS()
    const [apiVersion, kind, name] = ['apiVersion', 'kind', 'metadata.name'].map((path) =>
      textAt(value, path),
    )
    if (apiVersion === undefined || kind === undefined || name === undefined) {
      throw new Error(`this is no object of Kubernetes: ${JSON.stringify(value)}`)
    }
    return { apiVersion, kind, name, namespace: textAt(value, 'metadata.namespace'), value }
  })
}

/** The member at a path such as `spec.rules.0.host`; undefined where there is none. */
export function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, name) => {
    if (typeof inner !== 'object' || inner === null) return undefined
    return Object.hasOwn(inner, name) ? Reflect.get(inner, name) : undefined
  }, value)
}

export function textAt(value: unknown, path: string): string | undefined {
  const member = at(value, path)
  return typeof member === 'string' ? member : undefined
}

export function numberAt(value: unknown, path: string): number | undefined {
  const member = at(value, path)
  return typeof member === 'number' ? member : undefined
}

export function listAt(value: unknown, path: string): unknown[] {
  const member = at(value, path)
  return Array.isArray(member) ? member : []
}

/** The members of an object of texts, such as labels and the data of a ConfigMap. */
export function textsAt(value: unknown, path: string): Record<string, string> {
  const member = at(value, path)
  if (typeof member !== 'object' || member === null) return {}
  return Object.fromEntries(Object.entries(member).map(([key, text]) => [key, String(text)]))
}
