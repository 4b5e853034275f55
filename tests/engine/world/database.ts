import type { Vote } from '../../../core/engine/approvals/rules.ts';
import type { FlushRow, ReadBackRow, StoredPurse } from '../../../core/engine/journal/flush.ts';
import type { RunLoop } from '../../../core/engine/loop/loop.ts';
import { pathOf } from '../../../core/engine/run/step.ts';
import type { RunRow } from '../../../core/engine/store/store.ts';
import type {
  ApprovalState,
  EffectState,
  StepStatus,
  StepWait,
} from '../../../core/ports/db/states.ts';
import type { FlushValues, Row } from './flush-values.ts';
import type { Left } from './gathered.ts';

export interface Purse {
  limit: number;
  reserved: number;
  settled: number;
}

/** A row of table `step`, as far as anything here reads it. */
export interface StepLine extends Row {
  readonly id: number;
  readonly node: string;
  readonly item_key: string;
  readonly kind: string;
  readonly status: StepStatus;
  readonly attempt: number;
  readonly crashes: number;
  readonly critical: boolean;
  readonly ended_at: number | null;
  readonly output_seq: number | null;
  readonly error: {
    readonly code: string;
    readonly details?: { readonly scope?: string };
  } | null;
  cost_micro_usd: number;
  readonly agent: string | null;
  readonly wait: StepWait | null;
  readonly wake_at: number | null;
  readonly worker: string | null;
  readonly started_at: number | null;
  readonly degraded: boolean;
}

export interface EntryLine {
  readonly seq: number;
  readonly step: number | null;
  readonly attempt: number | null;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly body: string | null;
  /** When it was written, by the database's clock. */
  readonly at: number;
}

export interface LedgerLine {
  readonly seq: number;
  readonly step: number;
  readonly reserved: number;
  state: string;
  cost: number;
}

export interface EffectLine {
  readonly run_id: string;
  readonly args_sha256: string;
  /** Where it was begun. */
  readonly seq: number;
  state: EffectState;
  outcome: unknown;
}

/** What a step has asked people. */
export interface Question {
  readonly id: string;
  readonly runId: string;
  readonly step: number;
  readonly required: number;
  readonly deciders: readonly string[];
  readonly expiresAt: number;
  readonly votes: VoteLine[];
  state: ApprovalState;
}

interface VoteLine extends Vote {
  readonly note: string | null;
  readonly at: number;
}

/** What a run is stored with when somebody asks for it. */
export interface Made {
  readonly row: RunRow;
  /** JSON. @default an empty object */
  readonly input?: string;
  /** What its first entry tells. @default nothing, as of journal version 1 */
  readonly told?: Readonly<Record<string, unknown>>;
  /** @default it has none */
  readonly key?: string | null;
  /** The step that has started it. @default nobody's */
  readonly parent?: { readonly run: string; readonly step: number } | null;
  /** The run that it retries. @default none */
  readonly retryOf?: string;
}

/** Everything that the database holds of one run. */
export interface StoredRun extends Pick<Made, 'row'> {
  readonly id: string;
  readonly key: string | null;
  readonly parent: { readonly run: string; readonly step: number } | null;
  readonly retryOf: string | null;
  /** What it does again has the same: the first run's number, and below it the step that starts it. */
  readonly family: string;
  status: string;
  priority: number;
  ended: boolean;
  /** The last commit that wrote to it. */
  commit: number;
  /** Its steps of which that flush's engine had more to write, which the flush had no room for; null: it had nothing more of this run. */
  left: ReadonlySet<number> | null;
  readonly steps: Map<number, StepLine>;
  readonly entries: EntryLine[];
  readonly ledger: Map<number, LedgerLine>;
  readonly attempts: Map<string, Row>;
}

/** A run that a step has started. */
export type Child = StoredRun & { readonly parent: NonNullable<StoredRun['parent']> };

/** A message to a run. */
interface Message {
  readonly runId: string;
  readonly asked: Parameters<RunLoop['ask']>[1];
  /** The same again is the same message. @default none is like it */
  readonly dedupe?: string;
}

/** A statement that the database refuses as a whole. */
class Refused extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The journal's tables in memory, with what the flush's statement does to them: the fence, money for each call or none, what an
 * upsert leaves alone, effects that are there already. It is told nothing about the engine; a flush is its parameters.
 */
export class SimDatabase {
  readonly gone = new Set<string>();
  /** The number of each engine's last flush. */
  readonly flushNo = new Map<string, number>();
  readonly runs = new Map<string, StoredRun>();
  readonly purses = new Map<string, Purse>();
  readonly effects = new Map<string, EffectLine>();
  /** Messages to runs that nobody has taken. */
  readonly inbox = new Map<number, Message>();
  /** What steps have asked people, by run and step. */
  readonly questions = new Map<string, Question>();
  /** Transactions that changed something, counted. */
  commits = 0;
  readonly #now: () => number;
  #messages = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  addRun({ row, input = '{}', told: data = {}, key = null, parent = null, retryOf }: Made): void {
    const { id, priority } = row;
    const created = { seq: 1, step: null, attempt: null, kind: 'run.created', data };
    const entry = { ...created, body: input, at: this.#now() };
    this.runs.set(id, {
      ...{ id, row, key, parent, retryOf: retryOf ?? null },
      family: this.#familyOf(id, parent, retryOf),
      status: 'running',
      priority,
      ended: false,
      commit: 0,
      left: null,
      steps: new Map(),
      entries: [entry],
      ledger: new Map(),
      attempts: new Map(),
    });
  }

  run(id: unknown): StoredRun {
    return this.runs.get(id as string) as StoredRun;
  }

  /** By the clock of the database. */
  get now(): number {
    return this.#now();
  }

  /** Runs that have not ended. */
  get open(): readonly StoredRun[] {
    return [...this.runs.values()].filter(({ ended }) => !ended);
  }

  /** The runs that steps have started. */
  get children(): readonly Child[] {
    return [...this.runs.values()].filter((run): run is Child => run.parent !== null);
  }

  /** Leaves a message for whoever owns a run; returns its number. */
  post(message: Message): number {
    const { runId, dedupe } = message;
    for (const [id, other] of this.inbox)
      if (dedupe !== undefined && other.runId === runId && other.dedupe === dedupe) return id;
    this.#messages += 1;
    this.inbox.set(this.#messages, message);
    return this.#messages;
  }

  /** Executes one flush. Nothing of it is done when it throws, when it is in already, or when another engine has taken over. */
  flush(values: FlushValues, left: Left | null = null): FlushRow {
    const { boot, lastNo, no, rows } = values;
    const alive = this.gone.has(boot) ? 0 : 1;
    const marked = alive && (this.flushNo.get(boot) ?? lastNo) === lastNo ? 1 : 0;
    const nothing = { steps: 0, refused: null, purses: null, new_effects: null };
    if (!marked) return { alive, marked, ...nothing };
    this.#check(values);
    this.flushNo.set(boot, no);
    this.commits += 1;
    for (const id of writtenTo(rows))
      Object.assign(this.run(id), { commit: this.commits, left: left?.get(id as string) ?? null });
    const poor = this.#spend(rows.want, rows.asks);
    for (const row of rows.turns) if (!poor.has(row.ask)) this.#reserveTurn(row);
    for (const row of rows.settles) this.#settleTurn(row);
    const steps = rows.steps.filter((row) => this.#upsertStep(row as StepLine)).length;
    for (const row of rows.attempts)
      this.run(row.run_id).attempts.set(`${row.step} ${row.no}`, row);
    this.#append(values, poor);
    const begun = this.#addEffects(rows.effects);
    for (const row of rows.effect_ends) this.#endEffect(row);
    for (const row of rows.runs) this.#endRun(row);
    for (const { id } of rows.taken) this.inbox.delete(id as number);
    const refused = rows.turns.filter(({ ask }) => poor.has(ask));
    return {
      ...{ alive, marked, steps, new_effects: begun },
      refused: refused.map(({ run_id, seq }) => `${run_id} ${seq}`),
      purses: rows.want.flatMap((want) => this.#stored(want)),
    };
  }

  /** Answers what became of a flush whose answer was lost. */
  readBack(parameters: readonly unknown[]): ReadBackRow[] {
    const [boot, , runs, seqs, , keys] = parameters as readonly [string, ...(readonly unknown[])[]];
    const no = this.flushNo.get(boot);
    if (no === undefined) return [];
    const refused = (runs ?? []).flatMap((run, at) =>
      this.run(run).ledger.has(Number(seqs?.[at])) ? [] : [`${run} ${seqs?.[at]}`],
    );
    const effects = (keys ?? []).flatMap((key) => {
      const line = this.effects.get((key as Buffer).toString('hex'));
      return line ? [`${line.run_id} ${line.seq}`] : [];
    });
    return [{ no, refused, effects }];
  }

  #familyOf(id: string, parent: Made['parent'], retryOf: string | undefined): string {
    if (retryOf !== undefined) return this.run(retryOf).family;
    if (!parent) return String(id.at(-1));
    const { family, steps } = this.run(parent.run);
    const step = steps.get(parent.step);
    const path = step ? pathOf({ node: step.node, itemKey: step.item_key }) : parent.step;
    return `${family} ${path}`;
  }

  #check({ rows }: FlushValues): void {
    for (const row of rows.entries) {
      const { entries } = this.run(row.run_id);
      // They are in order, so most are behind the last.
      const isBehind = (row.seq as number) > (entries.at(-1)?.seq ?? 0);
      if (!isBehind && entries.some(({ seq }) => seq === row.seq))
        throw new Refused('23505', `entry ${row.seq} is there already`);
    }
    for (const row of rows.attempts)
      if (this.run(row.run_id).attempts.has(`${row.step} ${row.no}`))
        throw new Refused('23505', `attempt ${row.no} of step ${row.step} is there already`);
  }

  /** Moves money; returns the asks that a purse had too little for. Those before them count all the same. */
  #spend(wants: readonly Row[], asks: readonly Row[]): ReadonlySet<unknown> {
    const upTo = new Map<Purse, number>();
    const poor = new Set<unknown>();
    for (const row of wants) {
      const purse = this.#purseOf(row);
      if (!purse) continue;
      purse.reserved -= row.release as number;
      purse.settled += row.settle as number;
    }
    for (const row of asks) {
      const purse = this.#purseOf(row);
      if (!purse) continue;
      upTo.set(purse, (upTo.get(purse) ?? 0) + (row.reserve as number));
      if ((upTo.get(purse) ?? 0) > purse.limit - purse.reserved - purse.settled) poor.add(row.ask);
    }
    for (const row of asks) {
      const purse = this.#purseOf(row);
      if (purse && !poor.has(row.ask)) purse.reserved += row.reserve as number;
    }
    return poor;
  }

  #purseOf({ tenant_id, scope, period }: Row): Purse | undefined {
    return this.purses.get(`${tenant_id} ${scope} ${period}`);
  }

  #stored(row: Row): readonly StoredPurse[] {
    const purse = this.#purseOf(row);
    if (!purse) return [];
    const { tenant_id, scope, period } = row as unknown as { [name: string]: string };
    const { limit, reserved, settled } = purse;
    return [[Number(tenant_id), String(scope), String(period), limit, reserved, settled]];
  }

  #reserveTurn(row: Row): void {
    const { seq, step, reserved_micro_usd: reserved } = row as { [name: string]: number };
    const line = { seq, step, reserved, state: 'reserved', cost: 0 };
    this.run(row.run_id).ledger.set(seq as number, line as LedgerLine);
  }

  #settleTurn(row: Row): void {
    const { ledger } = this.run(row.run_id);
    if (!ledger.has(row.seq as number)) this.#reserveTurn(row);
    const line = ledger.get(row.seq as number) as LedgerLine;
    line.state = row.state as string;
    line.cost = row.cost_micro_usd as number;
  }

  #upsertStep(row: StepLine): boolean {
    const { steps } = this.run(row.run_id);
    const known = steps.get(row.id);
    if (known && !(known.ended_at === null || known.ended_at === row.ended_at)) return false;
    if (known && known.attempt > row.attempt) return false;
    // A copy: what is settled later is added to it, and the same flush may arrive again.
    steps.set(row.id, { ...row });
    return true;
  }

  #append({ rows, bodies }: FlushValues, poor: ReadonlySet<unknown>): void {
    const texts = new Map<string, string>();
    rows.payloads.forEach(({ run_id, seq }, index) => {
      texts.set(`${run_id} ${seq}`, bodies[index] as string);
    });
    // One statement has no order of its own; whoever reads sorts by number.
    const sorted = rows.entries.toSorted((a, b) => Number(a.seq) - Number(b.seq));
    for (const row of sorted) {
      if (row.ask !== null && poor.has(row.ask)) continue;
      const { seq, step, attempt, kind, data } = row as unknown as EntryLine;
      const body = texts.get(`${row.run_id} ${seq}`) ?? null;
      const at = this.#now();
      this.run(row.run_id).entries.push({ seq, step, attempt, kind, data, body, at });
    }
  }

  #addEffects(rows: readonly Row[]): FlushRow['new_effects'] {
    const added: string[] = [];
    for (const row of rows) {
      const key = row.key as string;
      if (this.effects.has(key)) continue;
      const { run_id, seq, args_sha256, state } = row as unknown as EffectLine;
      this.effects.set(key, { run_id, seq, args_sha256, state, outcome: null });
      added.push(`${run_id} ${seq}`);
    }
    return added.length > 0 ? added : null;
  }

  #endEffect({ key, state, outcome }: Row): void {
    const line = this.effects.get(key as string);
    if (line) Object.assign(line, { state: state as EffectState, outcome });
  }

  #endRun({ id, status, ended, priority }: Row): void {
    const run = this.run(id);
    if (!run.ended) Object.assign(run, { status, ended, priority });
  }
}

/** The runs that a flush writes to. */
function writtenTo(rows: FlushValues['rows']): ReadonlySet<unknown> {
  const { steps, attempts, entries, turns, settles, runs } = rows;
  const named = [steps, attempts, entries, turns, settles].flat().map(({ run_id }) => run_id);
  return new Set([...named, ...runs.map(({ id }) => id)]);
}
