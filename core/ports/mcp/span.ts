import {
  context,
  isSpanContextValid,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { toErrorData } from '../../base/errors.ts';
import { own, semconv } from '../../base/telemetry/semconv.ts';
import type { McpCaller } from './caller.ts';

/** A call as its span names it. */
interface Called {
  readonly server: string;
  readonly tool: string;
  readonly protocolVersion: string;
}

/**
 * Runs a call of a tool in a span of its own, and gives it what goes into the request's `_meta`: the span, in the names of W3C Trace
 * Context. Nothing but that; baggage stays here. @see https://opentelemetry.io/docs/specs/semconv/gen-ai/mcp/ (2026-11)
 */
export async function inSpan<T>(
  { server, tool, protocolVersion }: Called,
  { traceparent, runId }: McpCaller,
  work: (meta: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const attributes = {
    [semconv.mcpMethod]: 'tools/call',
    [semconv.mcpProtocol]: protocolVersion,
    [semconv.operation]: 'execute_tool',
    [semconv.tool]: tool,
    [own.mcpServer]: server,
    [own.runId]: runId,
  };
  const parent = traceparent === undefined ? undefined : parse(traceparent);
  const around = parent ? trace.setSpanContext(context.active(), parent) : context.active();
  const span = trace
    .getTracer('tutti')
    .startSpan(`tools/call ${tool}`, { kind: SpanKind.CLIENT, attributes }, around);
  try {
    return await work(metaOf(span));
  } catch (error) {
    span.setAttribute(semconv.errorType, toErrorData(error).code);
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

function metaOf(span: Span): Readonly<Record<string, string>> {
  const { traceId, spanId, traceFlags } = span.spanContext();
  if (!isSpanContextValid(span.spanContext())) return {};
  return { traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}` };
}

function parse(traceparent: string): SpanContext | undefined {
  const found = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent);
  if (!found) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = found;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}
