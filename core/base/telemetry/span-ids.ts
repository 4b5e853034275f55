import { hash, randomBytes } from 'node:crypto';

/** The ids of a span. */
export interface Ids {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
}

/** A run's trace is named by the run: whichever engine has it, its spans are in one trace, and who knows the run finds it. */
export function traceOf(runId: string): string {
  return runId.replaceAll('-', '');
}

/** The span of a run, or of one attempt of a step of it: the same, whichever engine tells of it. */
export function idsOf(
  runId: string,
  attempt?: { readonly step: number; readonly no: number },
): Ids {
  const name = attempt ? `${runId} ${attempt.step} ${attempt.no}` : runId;
  return { traceId: traceOf(runId), spanId: hash('sha256', name).slice(0, 16) };
}

/**
 * Makes the ids of spans for OpenTelemetry's SDK: those that were asked for, else random ones. The SDK asks for them while it starts a
 * span, and nothing else happens meanwhile.
 */
export class SpanIds {
  #asked: Ids | null = null;

  /** Starts a span by `start` with exactly these ids. */
  starting<T>(ids: Ids, start: () => T): T {
    this.#asked = ids;
    try {
      return start();
    } finally {
      this.#asked = null;
    }
  }

  generateTraceId = (): string => this.#asked?.traceId ?? randomBytes(16).toString('hex');

  generateSpanId = (): string => this.#asked?.spanId ?? randomBytes(8).toString('hex');
}
