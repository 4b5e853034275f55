import type { ErrorData } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import type { EntryDraft, IntentMessage, Job } from '../../ports/dispatcher.ts';
import type { FindingInput } from '../../sdk/agent.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { CallWish, Grant, Settlement } from '../limits/broker.ts';
import type {
  AttemptRow,
  BudgetRow,
  Change,
  EffectRow,
  EntryRow,
  FindingRow,
  PayloadClass,
  TurnRow,
} from './rows.ts';
import type { Run } from './run.ts';
import type { Step } from './step.ts';

/**
 * One try of a step, from its start to its end, in the owner's memory: numbers its entries and turns what its thread says
 * into changes for the journal. Writes nothing itself.
 */
export class Attempt {
  readonly ref: number;
  readonly run: Run;
  readonly step: Step;
  readonly registered: RegisteredAgent;
  readonly mode: Job['mode'];
  readonly alone: boolean;
  /** The model call under way. */
  call: { readonly grant: Grant; readonly seq: number; readonly wish: CallWish } | null = null;
  turns = 0;
  /** Stops its deadline. */
  disarm: () => void = () => {};

  constructor(options: Pick<Attempt, 'ref' | 'run' | 'step' | 'registered' | 'mode' | 'alone'>) {
    this.ref = options.ref;
    this.run = options.run;
    this.step = options.step;
    this.registered = options.registered;
    this.mode = options.mode;
    this.alone = options.alone;
  }

  /** The entry that makes the start durable. */
  started(): EntryRow {
    return this.entry('step.started', { attempt: this.step.attempt, mode: this.mode });
  }

  /** A model call about to be made: its entry, its ledger row, and what it reserves of the shared purses. */
  turnStarted(
    grant: Grant,
    wish: CallWish,
    period: string,
  ): Pick<Change, 'entries' | 'turns' | 'budgets'> {
    this.turns += 1;
    const entry = this.entry('turn.started', {
      turn: this.turns,
      model: grant.model,
      reservedMicroUsd: grant.boundMicroUsd,
    });
    this.call = { grant, seq: entry.seq, wish };
    const turn: TurnRow = {
      seq: entry.seq,
      model: grant.model,
      priceVersion: grant.priceVersion,
      reservedMicroUsd: grant.boundMicroUsd,
    };
    return {
      entries: [entry],
      turns: [turn],
      budgets: budgetRows(wish.scopes, period, {
        reserve: grant.boundMicroUsd,
        release: 0,
        settle: 0,
      }),
    };
  }

  /** The end of the call under way. */
  turnEnded(
    settlement: Settlement,
    period: string,
    told: {
      readonly tokens: unknown;
      readonly data: Readonly<Record<string, unknown>>;
      readonly body?: string;
    },
  ): Pick<Change, 'entries' | 'settles' | 'budgets'> {
    const { grant, seq, wish } = this.call as NonNullable<Attempt['call']>;
    this.call = null;
    this.step.costMicroUsd += settlement.costMicroUsd;
    return {
      entries: [
        this.entry(
          'turn.ended',
          { ...told.data, costMicroUsd: settlement.costMicroUsd, state: settlement.state },
          'model',
          told.body,
        ),
      ],
      settles: [
        {
          seq,
          model: grant.model,
          priceVersion: grant.priceVersion,
          reservedMicroUsd: grant.boundMicroUsd,
          state: settlement.state,
          costMicroUsd: settlement.costMicroUsd,
          tokens: told.tokens,
        },
      ],
      budgets: budgetRows(wish.scopes, period, {
        reserve: 0,
        release: grant.boundMicroUsd,
        settle: settlement.costMicroUsd,
      }),
    };
  }

  /** A line that the thread wrote. */
  noted(draft: EntryDraft): Pick<Change, 'entries'> {
    return { entries: [this.entry(draft.kind, draft.data, 'model', draft.body)] };
  }

  /** A finding: codes and ids in its rows, its sentence and figures in a payload. */
  found(finding: FindingInput): Pick<Change, 'entries' | 'findings'> {
    const { module, name } = this.registered;
    const company = finding.company ?? this.run.facts.company;
    const fingerprint = digest(name, finding.kind, company, finding.records);
    const body = JSON.stringify({ summary: finding.summary, evidence: finding.evidence ?? {} });
    const entry = this.entry(
      'finding',
      { kind: finding.kind, severity: finding.severity },
      'finding',
      body,
    );
    const row: FindingRow = {
      seq: entry.seq,
      fingerprint,
      module,
      agent: name,
      kind: finding.kind,
      severity: finding.severity,
      company,
      records: finding.records,
      amount: finding.amount?.amount ?? null,
      currency: finding.amount?.currency ?? null,
    };
    return { entries: [entry], findings: [row] };
  }

  /** An effect's intent, durable before anything happens. */
  intended(intent: IntentMessage): Pick<Change, 'entries' | 'effects'> {
    const body = JSON.stringify({ args: intent.args, binds: intent.binds });
    const entry = this.entry(
      `effect.${intent.state}`,
      { tool: intent.tool, key: intent.key, entity: intent.entity, targetId: intent.targetId },
      'effect',
      body,
    );
    const { args: _, ...kept } = intent;
    const row: EffectRow = { ...kept, seq: entry.seq };
    return { entries: [entry], effects: [row] };
  }

  /** What became of a started effect. */
  effected(end: {
    readonly key: string;
    readonly state: string;
    readonly outcome: unknown;
  }): Pick<Change, 'entries' | 'effectEnds'> {
    return {
      entries: [this.entry('effect.ended', { key: end.key, state: end.state })],
      effectEnds: [end],
    };
  }

  /** The row that is written once, at the attempt's end. */
  ended(outcome: AttemptRow['outcome'], error: ErrorData | null, now: number): AttemptRow {
    const startedAt = this.step.startedAt ?? now;
    return {
      no: this.step.attempt,
      worker: this.step.worker ?? '',
      startedAt,
      endedAt: now,
      outcome,
      error,
      turns: this.turns,
    };
  }

  entry(
    kind: string,
    data: Readonly<Record<string, unknown>>,
    held?: PayloadClass,
    body?: string,
  ): EntryRow {
    return nextEntry(this.run, {
      step: this.step,
      kind,
      data,
      ...(held && body !== undefined && { held, body }),
    });
  }
}

/** Numbers the next entry of a run: one writer, rising in commit order. */
export function nextEntry(
  run: Run,
  entry: {
    readonly step: Step | null;
    readonly kind: string;
    readonly data: Readonly<Record<string, unknown>>;
    readonly held?: PayloadClass;
    readonly body?: string;
  },
): EntryRow {
  run.seq += 1;
  return {
    seq: run.seq,
    step: entry.step?.id ?? null,
    attempt: entry.step && entry.step.attempt > 0 ? entry.step.attempt : null,
    kind: entry.kind,
    data: entry.data,
    ...(entry.held &&
      entry.body !== undefined && { body: { class: entry.held, bytes: Buffer.from(entry.body) } }),
  };
}

/** Purses that several engines share have rows; a run's and a step's live with their owner. */
function budgetRows(
  scopes: readonly string[],
  period: string,
  money: Pick<BudgetRow, 'reserve' | 'release' | 'settle'>,
): readonly BudgetRow[] {
  return scopes
    .filter((scope) => !/^(run|step):/.test(scope))
    .map((scope) => ({ scope, period, ...money }));
}
