import {
  type Attributes,
  context,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { own, semconv } from '../../base/telemetry/semconv.ts';
import { type Ids, idsOf, type SpanIds } from '../../base/telemetry/span-ids.ts';
import type { TurnDone } from '../../ports/dispatcher.ts';
import type { AttemptRow, Change, EntryRow } from '../journal/rows.ts';
import type { Run } from '../run/run.ts';
import { pathOf, type Step } from '../run/step.ts';
import type { Attempt } from './attempt.ts';

/** The spans of a run under way. */
interface Traced {
  readonly span: Span;
  /** Of its attempts whose end is not durable yet. */
  readonly attempts: Map<string, Span>;
}

/**
 * One trace a run: the run, its attempts, their model calls and tool calls. Threads measure and tell; the spans are made here. A run's
 * and an attempt's ids follow from what they are named, and both end when the journal has their end, so an attempt has exactly one span
 * that is exported and a run that another engine takes up goes on in its trace. Without an OpenTelemetry SDK in the process all of it
 * is inert.
 */
export class Spans {
  readonly #runs = new Map<Run, Traced>();
  readonly #ids: SpanIds | undefined;
  // The SDK may have been started by now, and is not started later.
  readonly #tracer = trace.getTracer('tutti');

  /** `ids`: what the SDK asks for ids. @default its own, which no other engine knows */
  constructor(ids?: SpanIds) {
    this.#ids = ids;
  }

  beginRun(run: Run): void {
    const { id, workflow, company, rehearsal, cause, createdAt } = run.facts;
    const attributes = {
      [semconv.operation]: 'invoke_workflow',
      [semconv.workflow]: workflow,
      [own.runId]: id,
      ...(company !== null && { [own.company]: company }),
      ...(rehearsal && { [own.rehearsal]: true }),
    };
    const links = cause && [
      {
        context: {
          ...idsOf(cause.runId, cause.attempt),
          traceFlags: TraceFlags.NONE,
          isRemote: true,
        },
        attributes: { [own.link]: cause.how },
      },
    ];
    const options = { attributes, root: true, startTime: createdAt, ...(links && { links }) };
    const span = this.#start(`invoke_workflow ${workflow}`, options, { ids: idsOf(id) });
    // What nobody records costs nothing from here on.
    if (span.isRecording()) this.#runs.set(run, { span, attempts: new Map() });
  }

  beginAttempt({ run, step, registered, mode }: Attempt, now: number): void {
    const traced = this.#runs.get(run);
    if (!traced) return;
    const { name, module } = registered;
    const of = { run, step, agent: name, module, no: step.attempt };
    const span = this.#attempt(of, { startTime: step.startedAt ?? now });
    span.setAttribute(own.mode, mode);
    traced.attempts.set(nameOf(step, step.attempt), span);
  }

  /** Id of the span that will tell of an attempt, for its row. */
  idOf({ run, step }: Pick<Attempt, 'run' | 'step'>): string | undefined {
    const span = this.#runs.get(run)?.attempts.get(nameOf(step, step.attempt));
    return span?.spanContext().spanId;
  }

  /** What a new owner records of attempts that died with their engine, with the spans that will tell of them. */
  named(change: Change): Change {
    const { run, step, attempts } = change;
    if (!this.#ids || !step || !attempts || !this.#runs.has(run)) return change;
    const idOf = (no: number) => idsOf(run.facts.id, { step: step.id, no }).spanId;
    return { ...change, attempts: attempts.map((row) => ({ ...row, spanId: idOf(row.no) })) };
  }

  /** An attempt as what is asked on its behalf names it (https://www.w3.org/TR/trace-context/); nothing without tracing. */
  parentOf({ run, step }: Pick<Attempt, 'run' | 'step'>): { readonly traceparent?: string } {
    const span = this.#runs.get(run)?.attempts.get(nameOf(step, step.attempt))?.spanContext();
    if (!span) return {};
    const flags = span.traceFlags.toString(16).padStart(2, '0');
    return { traceparent: `00-${span.traceId}-${span.spanId}-${flags}` };
  }

  /** A model call that has ended; its thread measured it. */
  turn(attempt: Attempt, done: TurnDone, now: number): void {
    const { model, usage, error, provider, answeredBy, firstChunkMs, durationMs } = done;
    const span = { kind: SpanKind.CLIENT, ...between(now, durationMs) };
    this.#under(attempt, { name: `chat ${model}`, ...span }, () => ({
      [semconv.operation]: 'chat',
      [semconv.requestModel]: model,
      [semconv.finishReasons]: [done.stop],
      [own.turn]: done.turn,
      ...(provider !== undefined && { [semconv.provider]: provider }),
      ...(answeredBy !== undefined && { [semconv.responseModel]: answeredBy }),
      ...(firstChunkMs !== undefined && { [semconv.timeToFirstChunk]: firstChunkMs / 1_000 }),
      ...(usage && {
        [semconv.inputTokens]: usage.input,
        [semconv.outputTokens]: usage.output,
        [semconv.cachedTokens]: usage.cachedInput,
        [semconv.reasoningTokens]: usage.reasoning,
      }),
      ...(error && { [semconv.errorType]: error.code }),
      ...(done.simulated && { [own.simulated]: true }),
    }));
  }

  /** A tool call that has ended, as its line of the journal tells of it. */
  tool(attempt: Attempt, { tool, outcome, code, ms }: EntryRow['data'], now: number): void {
    const span = { kind: SpanKind.INTERNAL, ...between(now, Number(ms ?? 0)) };
    this.#under(attempt, { name: `execute_tool ${tool}`, ...span }, () => ({
      [semconv.operation]: 'execute_tool',
      [semconv.tool]: String(tool),
      [semconv.toolType]: 'function',
      [own.toolOutcome]: String(outcome),
      ...(code !== undefined && { [semconv.errorType]: String(code) }),
    }));
  }

  /** A flush is durable: the attempts and runs that it ended have their ends. */
  committed(changes: readonly Change[]): void {
    if (this.#runs.size === 0) return;
    for (const { run, step, attempts = [], entries = [] } of changes) {
      const traced = this.#runs.get(run);
      if (!traced) continue;
      for (const row of attempts) if (step) this.#ended(traced, { run, step }, row);
      const end = entries.find(({ kind }) => kind === 'run.ended');
      if (end) this.#endRun(run, traced.span, String(end.data.status));
    }
  }

  #ended(
    { attempts }: Traced,
    of: { readonly run: Run; readonly step: Step },
    row: AttemptRow,
  ): void {
    const { step } = of;
    const name = nameOf(step, row.no);
    // One that was under way when its engine died was begun there, and is told of here.
    const span =
      attempts.get(name) ??
      this.#attempt({ ...of, ...agentOf(step), no: row.no }, { startTime: row.startedAt });
    attempts.delete(name);
    span.setAttributes({ [own.outcome]: row.outcome, [own.costMicroUsd]: step.costMicroUsd });
    if (row.error) span.setAttribute(semconv.errorType, row.error.code);
    if (!['succeeded', 'batched', 'delegated'].includes(row.outcome))
      span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(row.endedAt);
  }

  #endRun(run: Run, span: Span, status: string): void {
    this.#runs.delete(run);
    span.setAttribute(own.status, status);
    if (status === 'failed') span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }

  #attempt(
    of: {
      readonly run: Run;
      readonly step: Step;
      readonly agent: string;
      readonly module: string;
      readonly no: number;
    },
    options: SpanOptions,
  ): Span {
    const { run, step, agent, module, no } = of;
    const attributes = {
      [semconv.operation]: 'invoke_agent',
      [semconv.agent]: agent,
      [own.module]: module,
      [own.runId]: run.facts.id,
      [own.stepPath]: pathOf(step),
      [own.attempt]: no,
      ...(run.facts.rehearsal && { [own.rehearsal]: true }),
    };
    const ids = idsOf(run.facts.id, { step: step.id, no });
    const parent = this.#runs.get(run)?.span;
    return this.#start(`invoke_agent ${agent}`, { ...options, attributes }, { ids, parent });
  }

  #under(
    { run, step }: Attempt,
    {
      name,
      endTime,
      ...options
    }: SpanOptions & { readonly name: string; readonly endTime: number },
    attributes: () => Attributes,
  ): void {
    const parent = this.#runs.get(run)?.attempts.get(nameOf(step, step.attempt));
    if (!parent) return;
    const all = attributes();
    const span = this.#start(name, { ...options, attributes: all }, { parent });
    if (semconv.errorType in all) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endTime);
  }

  #start(
    name: string,
    options: SpanOptions,
    { ids, parent }: { readonly ids?: Ids; readonly parent?: Span | undefined },
  ): Span {
    const around = parent ? trace.setSpan(context.active(), parent) : context.active();
    const start = (): Span => this.#tracer.startSpan(name, options, around);
    return ids && this.#ids ? this.#ids.starting(ids, start) : start();
  }
}

function nameOf(step: Step, no: number): string {
  return `${step.id} ${no}`;
}

function between(
  now: number,
  durationMs: number,
): { readonly startTime: number; readonly endTime: number } {
  return { startTime: now - durationMs, endTime: now };
}

/** Whose attempt it was, where only the step is left to tell. */
function agentOf({ place, reassignedTo }: Step): {
  readonly agent: string;
  readonly module: string;
} {
  const { agent = '', module = '' } = place as {
    readonly agent?: string;
    readonly module?: string;
  };
  return { agent: reassignedTo ?? agent, module };
}
