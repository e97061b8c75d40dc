/** What a setting is. */
import type { Parser } from './parsers.ts'

export interface Setting<T> {
  group: string
  /** Sentences for the reference. */
  description: string
  /** A text that parses, shown with every problem of this setting. */
  example: string
  /** The text that counts when the setting is absent. */
  fallback?: string
  /** A text of this setting is never shown. */
  secret?: true
  parse: Parser<T>
}

export interface WithFallback {
  fallback: string
}

export function setting<T>(value: Setting<T> & WithFallback): Setting<T> & WithFallback
export function setting<T>(value: Setting<T>): Setting<T>
export function setting<T>(value: Setting<T>): Setting<T> {
  return value
}
