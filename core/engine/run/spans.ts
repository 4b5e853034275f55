import {
  context,
  isSpanContextValid,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { own, semconv } from '../../base/telemetry/semconv.ts';
import type { TurnDone } from '../../ports/dispatcher.ts';
import type { Attempt } from './attempt.ts';
import type { AttemptRow } from './rows.ts';
import type { Run } from './run.ts';
import type { RunStatus } from './states.ts';
import { pathOf } from './step.ts';

const tracer = trace.getTracer('tutti');

/**
 * One trace a run: the run, its attempts, their model calls. Without an OpenTelemetry SDK in the process all of it is inert.
 */
export class Spans {
  readonly #runs = new Map<Run, Span>();
  readonly #attempts = new Map<Attempt, Span>();

  beginRun(run: Run): void {
    const { id, workflow, company, rehearsal } = run.facts;
    const attributes = {
      [semconv.operation]: 'invoke_workflow',
      [semconv.workflow]: workflow,
      [own.runId]: id,
      ...(company !== null && { [own.company]: company }),
      ...(rehearsal && { [own.rehearsal]: true }),
    };
    this.#runs.set(run, tracer.startSpan(`invoke_workflow ${workflow}`, { attributes }));
  }

  endRun(run: Run, status: RunStatus): void {
    const span = this.#runs.get(run);
    this.#runs.delete(run);
    span?.setAttribute(own.status, status);
    if (status === 'failed') span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  }

  beginAttempt(attempt: Attempt): void {
    const { run, step, registered, mode } = attempt;
    const attributes = {
      [semconv.operation]: 'invoke_agent',
      [semconv.agent]: registered.name,
      [own.module]: registered.module,
      [own.stepPath]: pathOf(step),
      [own.attempt]: step.attempt,
      [own.mode]: mode,
      ...(run.facts.rehearsal && { [own.rehearsal]: true }),
    };
    const span = tracer.startSpan(
      `invoke_agent ${registered.name}`,
      { attributes },
      under(this.#runs.get(run)),
    );
    this.#attempts.set(attempt, span);
  }

  endAttempt(attempt: Attempt, { outcome, error }: AttemptRow): void {
    const span = this.#attempts.get(attempt);
    this.#attempts.delete(attempt);
    span?.setAttribute(own.costMicroUsd, attempt.step.costMicroUsd);
    if (error) span?.setAttribute(semconv.errorType, error.code);
    if (outcome !== 'succeeded' && outcome !== 'batched')
      span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  }

  /** Ends the span of an attempt that was given up without an end of its own. */
  abandon(attempt: Attempt): void {
    this.#attempts.get(attempt)?.end();
    this.#attempts.delete(attempt);
  }

  /** An attempt as what is asked on its behalf names it (https://www.w3.org/TR/trace-context/); nothing without tracing. */
  parentOf(attempt: Attempt): { readonly traceparent?: string } {
    const span = this.#attempts.get(attempt)?.spanContext();
    if (!span || !isSpanContextValid(span)) return {};
    const flags = span.traceFlags.toString(16).padStart(2, '0');
    return { traceparent: `00-${span.traceId}-${span.spanId}-${flags}` };
  }

  /** A model call that has ended; its thread measured it. */
  turn(attempt: Attempt, done: TurnDone, now: number): void {
    const attributes = {
      [semconv.operation]: 'chat',
      [semconv.requestModel]: done.model,
      [semconv.finishReasons]: [done.stop],
      ...(done.usage && {
        [semconv.inputTokens]: done.usage.input,
        [semconv.outputTokens]: done.usage.output,
      }),
      ...(done.error && { [semconv.errorType]: done.error.code }),
      ...(done.simulated && { [own.simulated]: true }),
    };
    const options = { attributes, kind: SpanKind.CLIENT, startTime: now - done.durationMs };
    tracer.startSpan(`chat ${done.model}`, options, under(this.#attempts.get(attempt))).end(now);
  }
}

function under(parent: Span | undefined): ReturnType<typeof context.active> {
  return parent ? trace.setSpan(context.active(), parent) : context.active();
}
