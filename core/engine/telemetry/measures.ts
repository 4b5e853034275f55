import type { LabelsOf } from '../../base/telemetry/instruments.ts';
import { type Log, silentLog } from '../../base/telemetry/log.ts';
import type { Metrics } from '../../base/telemetry/metrics.ts';
import { semconv } from '../../base/telemetry/semconv.ts';
import type { TurnDone } from '../../ports/dispatcher.ts';
import type { Usage } from '../../ports/models/model.ts';
import type { AgentPlace } from '../graph/compiled.ts';
import { createdSeq } from '../journal/entries.ts';
import type { AttemptRow, Change, EntryRow, OrphanRow, SettleRow } from '../journal/rows.ts';
import type { Run } from '../run/run.ts';
import type { RunStatus } from '../run/states.ts';
import type { Step } from '../run/step.ts';
import { tellOf } from './tell.ts';

// It sees every change of every run: what a change does not have is no new list each time.
const none: readonly never[] = [];

const tokenTypes = [
  ['input', 'input'],
  ['cached_input', 'cachedInput'],
  ['cache_write', 'cacheWrite'],
  ['output', 'output'],
  ['reasoning', 'reasoning'],
] as const satisfies readonly (readonly [type: string, field: keyof Usage])[];

/** The end of a run that could not be taken up, or that has none of its own: what its metrics need. */
type Named = Pick<Run['facts'], 'workflow' | 'rehearsal'>;

/**
 * Counts what an engine does, and writes into the log what somebody should know, from what its flushes have made durable: a metric's sum is the journal's, for all that its engine lived to
 * count. What has no place in the journal (waiting, durations of calls and flushes) is measured where it happens.
 */
export class Measures {
  readonly #metrics: Metrics;
  readonly #log: Log;

  constructor(metrics: Metrics, log: Log = silentLog) {
    this.#metrics = metrics;
    this.#log = log;
  }

  /** A run was taken up. */
  adopted({ facts, seq }: Run): void {
    // Nobody has had it before.
    if (seq === createdSeq) this.#metrics.add('tutti.runs.started', 1, runLabels(facts));
  }

  /** A run that could not be taken up was ended. */
  refused(facts: Named, status: RunStatus): void {
    this.#metrics.add('tutti.runs.ended', 1, { ...runLabels(facts), status });
  }

  /** A call whose engine died was settled by its run's new owner. */
  orphaned({ model, module, amount, simulated }: OrphanRow): void {
    if (simulated) return;
    this.#metrics.add('tutti.turns', 1, { model, state: 'estimated' });
    this.#metrics.add('tutti.cost.micro_usd', amount, { model, module });
  }

  /** A flush is durable. */
  committed(changes: readonly Change[]): void {
    for (const change of changes) {
      tellOf(this.#log, change);
      const { run, step, entries, attempts, settles, findings } = change;
      for (const entry of entries ?? none) this.#entry(run, step, entry);
      for (const row of attempts ?? none) if (step) this.#attempt(step, row);
      if (!run.facts.rehearsal) for (const row of settles ?? none) this.#settled(step, row);
      for (const { module, severity } of findings ?? none)
        this.#metrics.add('tutti.findings', 1, { module, severity });
    }
  }

  /** A model call has ended, and took so long. */
  called({ model, provider = 'unknown', durationMs, error, simulated }: TurnDone): void {
    if (simulated) return;
    this.#metrics.record('gen_ai.client.operation.duration', durationMs / 1_000, {
      [semconv.operation]: 'chat',
      [semconv.provider]: provider,
      [semconv.requestModel]: model,
      [semconv.errorType]: error?.code ?? '',
    });
  }

  /** A model call was permitted after so long. */
  permitted(model: string, waitedMs: number): void {
    this.#metrics.record('tutti.call.wait', waitedMs / 1_000, { model });
  }

  /** A flush took so long. */
  flushed(changes: number, tookMs: number): void {
    this.#metrics.record('tutti.journal.flush.duration', tookMs / 1_000, {});
    this.#metrics.record('tutti.journal.flush.changes', changes, {});
  }

  /** The database is away. */
  outage(error: Error): void {
    this.#log.error('The database is away; everything waits for it.', { error });
    this.#metrics.add('tutti.journal.outages', 1, {});
  }

  /** Something that the engine looks at once a second could not be looked at; everything else was. */
  stumbled(error: unknown): void {
    this.#log.error('A part of the engine failed; it is tried again in a second.', { error });
  }

  /** One of many failed by itself; the others were done. */
  setAside(what: string, id: string, error: unknown): void {
    this.#log.error('Something failed that keeps nothing else waiting; it is tried again later.', {
      ...{ what, id, error },
    });
  }

  /** A run that asks for it could not be taken back, for now. */
  notUndone(run: string, error: unknown): void {
    this.#log.error('A run that has failed could not be taken back; it is tried again.', {
      run,
      error,
    });
  }

  #entry(run: Run, step: Step | null, { kind, data }: EntryRow): void {
    const metrics = this.#metrics;
    switch (kind) {
      case 'run.ended':
        return metrics.add('tutti.runs.ended', 1, {
          ...runLabels(run.facts),
          status: String(data.status),
        });
      case 'step.succeeded':
      case 'step.failed':
      case 'step.skipped':
      case 'step.cancelled':
        return metrics.add('tutti.steps.ended', 1, {
          module: moduleOf(step),
          status: endedAs[kind],
        });
      case 'step.retrying': {
        const reason = data.wakeAt === null ? 'lost' : 'failure';
        return metrics.add('tutti.retries', 1, { module: moduleOf(step), reason });
      }
      case 'tool.called':
        return this.#tool(data);
      case 'effect.proposed':
      case 'effect.observed':
        return metrics.add('tutti.effects', 1, { state: kind.slice(7) });
      case 'effect.ended':
        return metrics.add('tutti.effects', 1, { state: String(data.state) });
    }
  }

  #tool({ tool, outcome, code, ms, knownReads }: EntryRow['data']): void {
    // A model has made the name up: there are as many of those as it likes.
    const name = code === 'TOOL_UNKNOWN' ? 'unknown' : String(tool);
    this.#metrics.add('tutti.tool.calls', 1, { tool: name, outcome: String(outcome) });
    if (ms !== undefined)
      this.#metrics.record('tutti.tool.call.duration', Number(ms) / 1_000, { tool: name });
    if (knownReads !== undefined)
      this.#metrics.add('tutti.erp.reads.known', Number(knownReads), { tool: name });
  }

  #attempt(step: Step, { outcome, startedAt, endedAt }: AttemptRow): void {
    const module = moduleOf(step);
    this.#metrics.add('tutti.attempts', 1, { module, agent: agentOf(step), outcome });
    const seconds = Math.max(0, endedAt - startedAt) / 1_000;
    this.#metrics.record('tutti.attempt.duration', seconds, { module });
  }

  #settled(step: Step | null, { model, state, costMicroUsd, tokens }: SettleRow): void {
    const metrics = this.#metrics;
    metrics.add('tutti.turns', 1, { model, state });
    if (costMicroUsd > 0)
      metrics.add('tutti.cost.micro_usd', costMicroUsd, { model, module: moduleOf(step) });
    if (!tokens) return;
    for (const [type, field] of tokenTypes) {
      const count = (tokens as Usage)[field];
      if (count > 0) metrics.add('tutti.tokens', count, { model, type });
    }
  }
}

const endedAs = {
  'step.succeeded': 'succeeded',
  'step.failed': 'failed',
  'step.skipped': 'skipped',
  'step.cancelled': 'cancelled',
} as const;

/** Workflows that are made for one tool or one effect are named after it; they count together. */
function runLabels({ workflow, rehearsal }: Named): LabelsOf<'tutti.runs.started'> {
  const colon = workflow.indexOf(':');
  const name = colon < 0 ? workflow : workflow.slice(0, colon);
  return { workflow: name, rehearsal: String(rehearsal) };
}

/** The module whose agent does a step; of a node without one, none. */
function moduleOf(step: Step | null): string {
  const { module = '' } = (step?.place ?? {}) as Partial<AgentPlace>;
  return step?.reassignedTo?.split('.', 1)[0] ?? module;
}

/** Agents that people make at run time count together: there may be as many as they like. */
function agentOf({ place, reassignedTo }: Step): string {
  const { agent = '', made } = place as Partial<AgentPlace>;
  return reassignedTo ?? (made ? 'made' : agent);
}
