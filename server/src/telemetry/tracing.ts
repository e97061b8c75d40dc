/**
 * Spans through the OpenTelemetry API alone: an operator who loads an SDK gets traces, and without
 * one a span costs 0.1 us. Trace ids for the log come from the span, or without an SDK from the
 * `traceparent` that the client sent (W3C Trace Context, level 2).
 */
import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Span,
  type Tracer,
} from '@opentelemetry/api'

export type { Span } from '@opentelemetry/api'

/** The tracer of this program; an SDK that is registered later is found through it too. */
export function createTracer(version: string): Tracer {
  return trace.getTracer('tallystick', version)
}

export type Headers = Readonly<Record<string, string | string[] | undefined>>

/** Runs `next` in the context of a new server span, which continues the trace of the headers. */
export function startRequestSpan(
  tracer: Tracer,
  name: string,
  headers: Headers,
  next: (span: Span) => void,
): void {
  const parent = propagation.extract(ROOT_CONTEXT, headers)
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER }, parent)
  context.with(trace.setSpan(parent, span), next, undefined, span)
}

/** A span under another one, such as a statement of a batch. */
export function startChildSpan(tracer: Tracer, name: string, parent: Span): Span {
  return tracer.startSpan(name, { kind: SpanKind.CLIENT }, trace.setSpan(ROOT_CONTEXT, parent))
}

/** 32 hex digits, or `undefined` when no one traces this request. */
export function traceIdOf(span: Span, headers: Headers): string | undefined {
  const spanContext = span.spanContext()
  if (isSpanContextValid(spanContext)) return spanContext.traceId
  return parseTraceparent(headers['traceparent'])
}

const traceparentForm =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/

function parseTraceparent(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string' || header.length > 512) return undefined
  return traceparentForm.exec(header)?.[1]
}
