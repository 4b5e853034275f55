import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorCode, type ErrorData, toErrorData } from '../../base/errors.ts';
import type {
  DispatchEvents,
  Dispatcher,
  EntryDraft,
  FromThread,
  JobDone,
  TurnDone,
} from '../../ports/dispatcher.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { Standstill } from '../authority/standstill.ts';
import { nextEntry } from '../journal/entries.ts';
import type { Flushed, Journal } from '../journal/journal.ts';
import type { AttemptRow, Change } from '../journal/rows.ts';
import { type Breakers, healthOf } from '../limits/breaker.ts';
import type { Quotas } from '../limits/quotas.ts';
import type { Outcome } from '../run/outcome.ts';
import type { Run } from '../run/run.ts';
import { isTerminal } from '../run/states.ts';
import { isEnding, pathOf, type Step } from '../run/step.ts';
import type { Measures } from '../telemetry/measures.ts';
import type { Attempt } from './attempt.ts';
import { type EffectMessageParts, EffectMessages } from './effect-messages.ts';
import type { Failure } from './failures.ts';
import { type McpCallParts, McpCalls } from './mcp-calls.ts';
import { SideCalls } from './side-calls.ts';
import type { Spans } from './spans.ts';
import type { Turns } from './turns.ts';

/** What a model has just said. */
export interface Delta {
  readonly runId: string;
  readonly step: string;
  readonly text: string;
}

/** What follows from an attempt's end; the run loop decides. */
export interface AttemptEvents {
  /** The step has ended for good. */
  ended(run: Run, step: Step, outcome: Outcome): void;
  /** The attempt has failed. */
  failed(run: Run, step: Step, failure: Failure): void;
  /** The step is to be tried again at once: it lost its thread. */
  again(run: Run, step: Step): void;
  /** The attempt has ended because the step's next call goes by a batch. */
  batched(run: Run, step: Step): void;
  /** The attempt has ended because its model has handed work to other agents. */
  delegated(run: Run, step: Step): void;
  /** A model says something. */
  said(delta: Delta): void;
  /** Something changed that may let other work start. */
  changed(): void;
}

/** What live attempts work with. */
export interface AttemptParts extends Pick<EffectMessageParts, 'store' | 'questions'> {
  readonly journal: Journal;
  readonly turns: Turns;
  readonly spans: Spans;
  /** @default nobody counts */
  readonly measures?: Pick<Measures, 'called'> | undefined;
  readonly breakers: Breakers;
  readonly dispatcher: Dispatcher;
  readonly quotas: Quotas;
  /** The sessions with MCP servers. @default none can be reached */
  readonly mcp?: McpCallParts['mcp'];
  readonly standstill: Pick<Standstill, 'clear' | 'clearUntilMs' | 'refusal'>;
  readonly clock: Clock;
  readonly events: AttemptEvents;
}

/** Threads and engines that may die under a step before it runs alone, in a process of its own; another death there proves it guilty. */
export const crashesUntilAlone = 3;

/** Whether the ERP answered although a call failed: only what reaches it says anything. */
function isWellAfter(code: ErrorCode): boolean | null {
  return code.startsWith('ERP_') ? healthOf({ code }) : null;
}

/** Name of the ERP's breaker. */
export const erpBreaker = 'erp';

/** Whether an agent asks the ERP at all. */
export function usesErp({ agent }: RegisteredAgent): boolean {
  return Object.keys(agent.tools).length > 0;
}

/** The attempts that run now: what their threads say becomes changes for the journal. */
export class Attempts implements DispatchEvents {
  readonly #parts: AttemptParts;
  readonly #live = new Map<number, Attempt>();
  readonly #sideCalls: SideCalls;
  readonly #mcpCalls: McpCalls;
  readonly #effects: EffectMessages;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
    this.#sideCalls = new SideCalls(parts);
    this.#mcpCalls = new McpCalls(parts);
    this.#effects = new EffectMessages({
      ...parts,
      isLive: (attempt) => this.isLive(attempt),
      append: (...change) => this.#append(...change),
    });
  }

  add(attempt: Attempt): void {
    this.#live.set(attempt.ref, attempt);
    if (usesErp(attempt.registered)) attempt.erpProbe = this.#parts.breakers.begin(erpBreaker);
    this.#parts.spans.beginAttempt(attempt, this.#parts.clock.now());
  }

  get size(): number {
    return this.#live.size;
  }

  /** The attempt of a message. */
  at(ref: number): Attempt | undefined {
    return this.#live.get(ref);
  }

  /** An attempt's span, for whoever works on its behalf; nothing without tracing. */
  traceOf(attempt: Attempt): ReturnType<Spans['parentOf']> {
    return this.#parts.spans.parentOf(attempt);
  }

  values(): Iterable<Attempt> {
    return this.#live.values();
  }

  isLive(attempt: Attempt): boolean {
    return this.#live.get(attempt.ref) === attempt;
  }

  /** Takes an attempt off the list: nothing that its thread still says counts. */
  close(attempt: Attempt): void {
    attempt.deadline?.pause();
    this.#sideCalls.close(attempt);
    this.#mcpCalls.close(attempt.ref);
    if (attempt.erpProbe !== null) this.#parts.breakers.report(erpBreaker, null, attempt.erpProbe);
    attempt.erpProbe = null;
    this.#live.delete(attempt.ref);
  }

  /** Aborts the attempts that `concerns` picks: each then ends as cancelled. */
  cancel(concerns: (attempt: Attempt) => boolean, reason: string): void {
    const error = toErrorData(new EngineError('CANCELLED', reason));
    for (const attempt of [...this.#live.values()].filter(concerns)) {
      if (attempt.isSent) this.#parts.dispatcher.cancel(attempt.ref, error);
      else this.#done(attempt, { kind: 'failed', error, degraded: false, trust: 'system' });
    }
  }

  /** Ends an attempt as failed, whatever its thread still does. */
  fail(attempt: Attempt, error: ErrorData): void {
    const { run, step } = attempt;
    if (!this.isLive(attempt)) return;
    const change = this.#parts.turns.lose(attempt, error);
    this.#finish(attempt, 'failed', { error, change });
    if (attempt.isSent) this.#parts.dispatcher.cancel(attempt.ref, error);
    this.#parts.events.failed(run, step, { error, onModel: attempt.mode === 'model' });
  }

  /** Takes every attempt off its thread, to be gone on with by whoever owns the run next. */
  giveUp(error: ErrorData): void {
    for (const attempt of [...this.#live.values()]) {
      this.#finish(attempt, 'lost', { error, change: this.#parts.turns.lose(attempt, error) });
      this.#parts.events.again(attempt.run, attempt.step);
    }
  }

  /** Stops the deadlines, and what is asked of MCP servers. */
  stop(): void {
    this.#mcpCalls.stop();
    for (const attempt of this.#live.values()) attempt.deadline?.pause();
  }

  messages(batch: readonly FromThread[]): void {
    for (const message of batch) {
      const attempt = this.#live.get(message.ref);
      // A message from an attempt that was given up is late; the journal has decided without it.
      if (attempt) this.#hear(attempt, message);
    }
    this.#parts.events.changed();
  }

  begins = (ref: number): void => this.#live.get(ref)?.deadline?.resume();

  lost(ref: number, reason: string, suspect: boolean | null): void {
    const attempt = this.#live.get(ref);
    if (!attempt) return;
    const { run, step } = attempt;
    const error = toErrorData(
      new EngineError('LANE_LOST', `The thread under '${pathOf(step)}' died: ${reason}.`),
    );
    step.crashes = suspect ? Math.max(step.crashes + 1, crashesUntilAlone) : step.crashes + 1;
    const isProof = attempt.alone && suspect !== null;
    this.#finish(attempt, suspect || isProof ? 'crashed' : 'lost', {
      error,
      change: this.#parts.turns.lose(attempt, error),
    });
    // Whoever was told to end and did not hear it is cancelled, not guilty: its thread was ended for that.
    if (isProof && !isEnding(run, step)) {
      const guilty = `'${pathOf(step)}' ends every thread that runs it: ${reason}. It is not tried again; mend the agent or its tools.`;
      const crashed = toErrorData(new EngineError('STEP_CRASHED', guilty));
      this.#parts.events.failed(run, step, { error: crashed, onModel: attempt.mode === 'model' });
    } else this.#parts.events.again(run, step);
    this.#parts.events.changed();
  }

  /** The database refused a step's rows: they are gone, and the step fails; nothing else does. */
  rejected({ run, step }: Change, error: EngineError): void {
    if (!step || step.error?.code === 'JOURNAL_REJECTED') return;
    const data = toErrorData(error);
    for (const attempt of this.#live.values()) {
      if (attempt.step !== step) continue;
      this.close(attempt);
      this.#parts.dispatcher.cancel(attempt.ref, data);
      this.#append(attempt, this.#parts.turns.lose(attempt, data));
    }
    if (!isTerminal(step.status))
      this.#parts.events.ended(run, step, { kind: 'failed', error: data });
    else this.#overwrite(run, step, data);
    this.#parts.events.changed();
  }

  /** A step that had ended before its end was refused: what followed from it stands, its own record says why. */
  #overwrite(run: Run, step: Step, error: ErrorData): void {
    run.fail(step, error);
    const entry = nextEntry(run, { step, kind: 'step.failed', data: { error } });
    this.#parts.journal.write({ run, step, entries: [entry] });
  }

  #hear(attempt: Attempt, message: FromThread): void {
    const { turns } = this.#parts;
    switch (message.kind) {
      case 'entry':
        if (message.entry.kind === 'tool.called') this.#toolCalled(attempt, message.entry.data);
        return this.#append(attempt, attempt.noted(message.entry));
      case 'finding':
        return this.#append(attempt, attempt.found(message.finding));
      case 'permit':
        return turns.request(attempt, message, (each) => this.isLive(each));
      case 'enter':
        return this.#sideCalls.enter(attempt, message);
      case 'leave':
        return this.#sideCalls.leave(attempt, message.id);
      case 'mcp':
        return this.#mcpCalls.make(
          message,
          { ...attempt.caller, ...this.#parts.spans.parentOf(attempt) },
          this.#parts.standstill.refusal(attempt),
        );
      case 'mcp-cancel':
        return this.#mcpCalls.cancel(message);
      case 'delta':
        return this.#parts.events.said({
          runId: attempt.run.facts.id,
          step: pathOf(attempt.step),
          text: message.text,
        });
      case 'sent':
        return turns.sent(attempt);
      case 'turn':
        return attempt.call ? this.#turned(attempt, message.done) : undefined;
      case 'intent':
        return this.#effects.begin(attempt, message.intent);
      case 'effected':
        return this.#effects.ended(attempt, message);
      case 'done':
        return this.#done(attempt, message.done);
    }
  }

  #done(attempt: Attempt, done: JobDone): void {
    const { run, step } = attempt;
    const { events } = this.#parts;
    step.degraded ||= done.degraded;
    step.trust = done.trust;
    if (done.kind === 'succeeded') {
      const { output: json, trust } = done;
      // First: where it cannot be read nothing has ended.
      const output: unknown = JSON.parse(json);
      this.#finish(attempt, 'succeeded', { error: null });
      const { said } = attempt;
      const saidAt = said?.json === json ? { saidAt: said.seq } : {};
      return events.ended(run, step, { kind: 'succeeded', output, json, trust, ...saidAt });
    }
    const { error } = done;
    const change = this.#parts.turns.lose(attempt, error);
    if (error.code === 'TURN_BATCHED') {
      this.#finish(attempt, 'batched', { error: null, change });
      return events.batched(run, step);
    }
    if (error.code === 'TURN_DELEGATED') {
      this.#finish(attempt, 'delegated', { error: null, change });
      return events.delegated(run, step);
    }
    if (error.code === 'CANCELLED') {
      this.#finish(attempt, 'cancelled', { error, change });
      return events.ended(run, step, { kind: 'cancelled' });
    }
    this.#finish(attempt, error.code === 'AGENT_TIMEOUT' ? 'timed_out' : 'failed', {
      error,
      change,
    });
    events.failed(run, step, { error, onModel: attempt.mode === 'model' });
  }

  #turned(attempt: Attempt, done: TurnDone): void {
    this.#parts.spans.turn(attempt, done, this.#parts.clock.now());
    this.#parts.measures?.called(done);
    this.#append(attempt, this.#parts.turns.end(attempt, done));
  }

  #toolCalled(attempt: Attempt, data: EntryDraft['data']): void {
    this.#parts.spans.tool(attempt, data, this.#parts.clock.now());
    this.#reportErp(attempt, data);
  }

  /** What a tool call says about the ERP: an error of its own tells whether it is ill, rows that it read that it is well. */
  #reportErp(attempt: Attempt, { code, records }: EntryDraft['data']): void {
    const isWell =
      code === undefined ? Number(records) > 0 || null : isWellAfter(code as ErrorCode);
    if (isWell === null) return;
    this.#parts.breakers.report(erpBreaker, isWell, attempt.erpProbe);
    attempt.erpProbe = null;
  }

  #finish(
    attempt: Attempt,
    outcome: AttemptRow['outcome'],
    end: { readonly error: ErrorData | null; readonly change?: Omit<Change, 'run' | 'step'> },
  ): void {
    const spanId = this.#parts.spans.idOf(attempt);
    const row = { ...attempt.ended(outcome, end.error, this.#parts.clock.now()), spanId };
    this.close(attempt);
    this.#append(attempt, { ...end.change, attempts: [row] });
  }

  #append(
    { run, step }: Attempt,
    change: Omit<Change, 'run' | 'step'>,
    durable?: (flushed: Flushed) => void,
  ): void {
    this.#parts.journal.write({ run, step, ...change }, durable);
  }
}
