import { semconv } from './semconv.ts';

/** What a metric counts or measures. */
export interface Instrument {
  /** A counter only rises, a gauge is what is now, a histogram sorts values by size. */
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** As UCUM writes it (https://ucum.org): `s`, `By`, `1`; what is only counted stands in braces. */
  readonly unit: string;
  readonly about: string;
  /** The labels that every value has; their values are few: no ids, no tenants, no names that models or callers make up. */
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

// Of the conventions: gen_ai.client.operation.duration.
const callBuckets = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const workBuckets = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const waitBuckets = [0, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900];
const flushBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const sizeBuckets = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000];

/**
 * Every metric of Tutti: what `/metrics` and OTLP show, and docs/telemetry.md lists. Counters of runs, steps, attempts, retries, turns,
 * tokens, money, tools, effects and findings count what has become durable in the run journal, when it has: their sums are its sums.
 */
export const instruments = {
  'tutti.runs.started': {
    kind: 'counter',
    unit: '{run}',
    about: 'Runs that an engine has taken up for the first time.',
    labels: ['workflow', 'rehearsal'],
  },
  'tutti.runs.ended': {
    kind: 'counter',
    unit: '{run}',
    about: 'Runs that have ended, by how.',
    labels: ['workflow', 'status', 'rehearsal'],
  },
  'tutti.steps.ended': {
    kind: 'counter',
    unit: '{step}',
    about: 'Steps of agents and nodes whose end the journal tells, by how.',
    labels: ['module', 'status'],
  },
  'tutti.attempts': {
    kind: 'counter',
    unit: '{attempt}',
    about: 'Tries of steps that have ended, by how.',
    labels: ['module', 'agent', 'outcome'],
  },
  'tutti.attempt.duration': {
    kind: 'histogram',
    unit: 's',
    about: 'How long tries of steps took, waiting for models included.',
    labels: ['module'],
    buckets: workBuckets,
  },
  'tutti.retries': {
    kind: 'counter',
    unit: '{retry}',
    about:
      'Steps that are tried again: after a `failure`, or because their thread or engine was `lost`.',
    labels: ['module', 'reason'],
  },
  'tutti.turns': {
    kind: 'counter',
    unit: '{call}',
    about:
      'Model calls that have ended: `settled` by what the provider reports, `estimated` at their upper bound, `released` unbilled. Those of rehearsals are in no metric of models.',
    labels: ['model', 'state'],
  },
  'tutti.tokens': {
    kind: 'counter',
    unit: '{token}',
    about:
      'Tokens of model calls: `input` includes `cached_input` and `cache_write`, `output` includes `reasoning`.',
    labels: ['model', 'type'],
  },
  'tutti.cost.micro_usd': {
    kind: 'counter',
    unit: '{micro_usd}',
    about: 'What model calls cost, in millionths of a US dollar, exact.',
    labels: ['model', 'module'],
  },
  'tutti.tool.calls': {
    kind: 'counter',
    unit: '{call}',
    about: 'Calls of tools, by what came of them.',
    labels: ['tool', 'outcome'],
  },
  'tutti.tool.call.duration': {
    kind: 'histogram',
    unit: 's',
    about: 'How long calls of tools took, waiting for people or limits included.',
    labels: ['tool'],
    buckets: workBuckets,
  },
  'tutti.erp.reads.known': {
    kind: 'counter',
    unit: '{read}',
    about: 'Reads of the ERP that what the run had read before has answered.',
    labels: ['tool'],
  },
  'tutti.effects': {
    kind: 'counter',
    unit: '{effect}',
    about: 'Outside writes, by the state that they came to.',
    labels: ['state'],
  },
  'tutti.findings': {
    kind: 'counter',
    unit: '{finding}',
    about: 'What agents have found, repetitions included.',
    labels: ['module', 'severity'],
  },
  'gen_ai.client.operation.duration': {
    kind: 'histogram',
    unit: 's',
    about: 'How long model calls took.',
    labels: [semconv.operation, semconv.provider, semconv.requestModel, semconv.errorType],
    buckets: callBuckets,
  },
  'tutti.call.wait': {
    kind: 'histogram',
    unit: 's',
    about: 'How long model calls waited for limits and budgets before they were permitted.',
    labels: ['model'],
    buckets: waitBuckets,
  },
  'tutti.runs.open': {
    kind: 'gauge',
    unit: '{run}',
    about: 'Runs that this engine has.',
    labels: [],
  },
  'tutti.steps.running': {
    kind: 'gauge',
    unit: '{step}',
    about: 'Attempts under way.',
    labels: [],
  },
  'tutti.queue.length': {
    kind: 'gauge',
    unit: '{step}',
    about:
      'Steps that could start, and model calls of running steps, that wait for a slot or a limit.',
    labels: [],
  },
  'tutti.lanes': {
    kind: 'gauge',
    unit: '{lane}',
    about:
      'Worker threads: those `wanted` now, between `least` and `most`, those `ready`, and `zombies` that were given up and have not ended; processes of agents that are kept `apart`, and lanes on other `machines`.',
    labels: ['state'],
  },
  'tutti.lane.restarts': {
    kind: 'counter',
    unit: '{lane}',
    about: 'Worker threads that were opened in place of others.',
    labels: [],
  },
  'tutti.journal.flush.duration': {
    kind: 'histogram',
    unit: 's',
    about: 'How long flushes of the run journal took.',
    labels: [],
    buckets: flushBuckets,
  },
  'tutti.journal.flush.changes': {
    kind: 'histogram',
    unit: '{change}',
    about: 'Changes that went down with one flush.',
    labels: [],
    buckets: sizeBuckets,
  },
  'tutti.journal.outages': {
    kind: 'counter',
    unit: '{outage}',
    about: 'Times that the database went away, filled up or stopped taking writes.',
    labels: [],
  },
  'tutti.budget.used': {
    kind: 'gauge',
    unit: '1',
    about:
      "Share of today's budget that is spent or reserved; of the tenant that has used most of its own.",
    labels: ['scope'],
  },
  'tutti.limit.used': {
    kind: 'gauge',
    unit: '1',
    about: 'Share of a limit that is in use; of the tenant that has used most of its own.',
    labels: ['gate', 'limit'],
  },
  'tutti.approvals.open': {
    kind: 'gauge',
    unit: '{approval}',
    about: 'Questions that wait for people, over all engines.',
    labels: [],
  },
  'tutti.effects.in_review': {
    kind: 'gauge',
    unit: '{effect}',
    about: 'Effects whose end nobody knows and a person must settle, over all engines.',
    labels: [],
  },
  'tutti.hooks.received': {
    kind: 'counter',
    unit: '{event}',
    about:
      'ERP events that were put on record, by the source of the configuration; `sweep`: changes that no event had told.',
    labels: ['source'],
  },
  'tutti.hooks.duplicates': {
    kind: 'counter',
    unit: '{event}',
    about: 'ERP events that came again and were on record already.',
    labels: ['source'],
  },
  'tutti.hooks.refused': {
    kind: 'counter',
    unit: '{post}',
    about:
      'Posts of ERP events that were not taken, by the code of the reason; the source of an address that leads to none is `unknown`.',
    labels: ['source', 'reason'],
  },
  'tutti.hooks.fired': {
    kind: 'counter',
    unit: '{firing}',
    about:
      'Firings of hooks that have ended: `started` a run, `skipped` by condition, `merged` into another, `dead`.',
    labels: ['hook', 'outcome'],
  },
  'tutti.hooks.waiting': {
    kind: 'gauge',
    unit: '{firing}',
    about: 'ERP events that hooks listen for and that have not yet become runs, over all engines.',
    labels: [],
  },
  'tutti.hooks.dead': {
    kind: 'gauge',
    unit: '{firing}',
    about: 'Those that have failed for good and wait to be replayed.',
    labels: [],
  },
  'tutti.deliveries.attempts': {
    kind: 'counter',
    unit: '{attempt}',
    about:
      'Attempts to deliver webhooks, by what came of them: `delivered`, `failed`, `gone` (410).',
    labels: ['outcome'],
  },
  'tutti.deliveries.ended': {
    kind: 'counter',
    unit: '{delivery}',
    about: 'Webhooks that were `delivered`, or given up as `failed`.',
    labels: ['state'],
  },
  'tutti.deliveries.waiting': {
    kind: 'gauge',
    unit: '{delivery}',
    about: 'Webhooks that are still to be delivered, over all engines.',
    labels: [],
  },
  'nodejs.eventloop.delay.p50': {
    kind: 'gauge',
    unit: 's',
    about: 'Delay of the main event loop since the last look, median.',
    labels: [],
  },
  'nodejs.eventloop.delay.p99': {
    kind: 'gauge',
    unit: 's',
    about: 'The same, 99th percentile.',
    labels: [],
  },
  'nodejs.eventloop.delay.max': {
    kind: 'gauge',
    unit: 's',
    about: 'The same, longest.',
    labels: [],
  },
  'process.cpu.time': {
    kind: 'counter',
    unit: 's',
    about: 'Processor time of this process, all threads.',
    labels: ['cpu.mode'],
  },
  'process.memory.usage': {
    kind: 'gauge',
    unit: 'By',
    about: 'Memory of this process that is resident.',
    labels: [],
  },
  'process.uptime': {
    kind: 'gauge',
    unit: 's',
    about: 'Since this process has begun.',
    labels: [],
  },
} as const satisfies Readonly<Record<string, Instrument>>;

/** The name of a metric. */
export type InstrumentName = keyof typeof instruments;

type OfKind<K extends Instrument['kind']> = {
  [N in InstrumentName]: (typeof instruments)[N]['kind'] extends K ? N : never;
}[InstrumentName];

/** Metrics by kind. */
export type CounterName = OfKind<'counter'>;
export type GaugeName = OfKind<'gauge'>;
export type HistogramName = OfKind<'histogram'>;

/** The labels of a metric, with their values. */
export type LabelsOf<N extends InstrumentName> = Readonly<
  Record<(typeof instruments)[N]['labels'][number], string>
>;

/**
 * A metric's name as Prometheus has it: the unit at its end, `_total` after that of a counter.
 * @see https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/ (2026-11)
 */
export function prometheusName(name: InstrumentName): string {
  const { kind, unit } = instruments[name];
  const plain = name.replace(/[^a-zA-Z0-9_]/g, '_');
  const units: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes', '1': '_ratio' };
  return `${plain}${units[unit] ?? ''}${kind === 'counter' ? '_total' : ''}`;
}
