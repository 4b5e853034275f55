import type { Deadline } from '../../base/deadline.ts';
import type { ErrorData } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import { toStorableJson } from '../../base/text.ts';
import { madeBy } from '../../guard/effects.ts';
import type { EntryDraft, Job, SentIntent } from '../../ports/dispatcher.ts';
import type { McpCaller } from '../../ports/mcp/pool.ts';
import type { FindingInput } from '../../sdk/agent.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import { undoneBy } from '../../sdk/reversal.ts';
import type { AnyTool } from '../../sdk/tool.ts';
import { proposerOf } from '../approvals/apply.ts';
import type { Asking } from '../approvals/effect-questions.ts';
import { type EntryInput, nextEntry } from '../journal/entries.ts';
import type {
  AttemptRow,
  CallState,
  Change,
  EffectRow,
  EntryRow,
  FindingRow,
  TurnRow,
} from '../journal/rows.ts';
import type { CallWish, Grant, Settlement } from '../limits/broker.ts';
import type { Run } from '../run/run.ts';
import { keysOf, pathOf, type Step } from '../run/step.ts';

/** A model call of an attempt. */
export interface Call extends CallState {
  readonly grant: Grant;
  readonly seq: number;
  readonly wish: CallWish;
}

/**
 * One try of a step, from its start to its end, in the owner's memory: numbers its entries and turns what its thread says
 * into changes for the journal. Writes nothing itself.
 */
export class Attempt {
  readonly ref: number;
  readonly run: Run;
  readonly step: Step;
  readonly registered: RegisteredAgent;
  mode: Job['mode'];
  /** Turns of the conversation that it goes on from. */
  readonly recorded: number;
  readonly alone: boolean;
  /** The model call under way. */
  call: Call | null = null;
  /** The model that its last call went to. */
  calledModel = '';
  turns = 0;
  /** What its model said to hand in, and the entry that holds it. */
  said: { readonly seq: number; readonly json: string } | null = null;
  /** Set while it finds out whether an ERP that was left alone is well again. */
  erpProbe: number | null = null;
  /** Whether its job has left for a thread; until then it is ended here. */
  isSent = false;
  /** Stands still while it asks for a model call. */
  deadline: Deadline | null = null;
  /** The tools of the effects that it has begun, by key. */
  #tools: Map<string, string> | null = null;
  /** The effects that those of them take back which are reversals. */
  #undoing: Map<string, string> | null = null;
  /** Fingerprints of what it has found, and attempts of its step before it have. */
  #found: Set<string> | null = null;
  /** Keys of the effects that it may be carrying out now. */
  readonly writing = new Set<string>();
  /** When a call that failed is asked for again; null: it waits for none, or in the queue. */
  asksAt: number | null = null;

  constructor(options: Pick<Attempt, 'ref' | 'run' | 'step' | 'registered' | 'mode' | 'alone'>) {
    this.ref = options.ref;
    this.run = options.run;
    this.step = options.step;
    this.registered = options.registered;
    this.mode = options.mode;
    this.recorded = options.mode === 'model' ? options.step.recorded : 0;
    this.alone = options.alone;
  }

  /** Who asks, where people must agree to an effect. */
  get asking(): Asking {
    const { run, step, registered } = this;
    return { run: run.facts, step: step.id, path: pathOf(step), agent: registered.name };
  }

  /** On whose behalf MCP servers are called. */
  get caller(): Omit<McpCaller, 'signal'> {
    const { run, registered, mode, calledModel } = this;
    const { tenantId, id: runId } = run.facts;
    const model = mode === 'model' && calledModel !== '' ? calledModel : 'playbook';
    // What people have agreed to is done as the agent that had proposed it.
    return { tenantId, runId, agent: proposerOf(run.facts) ?? registered.name, model };
  }

  /** The entry that makes the start durable. `external`: what its input has from outside, as expressions name it. */
  started(external: readonly string[] = []): EntryRow {
    const { attempt, reassignedTo } = this.step;
    const batch = keysOf(this.step);
    const isExternal = external.length > 0;
    return this.entry('step.started', {
      attempt,
      mode: this.mode,
      recorded: this.recorded || undefined,
      trust: isExternal ? 'external' : undefined,
      from: isExternal ? external : undefined,
      agent: reassignedTo ?? undefined,
      // Its path names the first of them alone.
      batch: batch ?? undefined,
    });
  }

  /** A model call about to be made: its entry, its ledger row, and what it reserves of the shared purses. */
  turnStarted(grant: Grant, wish: CallWish): Pick<Change, 'entries' | 'turns' | 'money'> {
    this.turns += 1;
    const entry = this.entry('turn.started', {
      turn: this.mode === 'rehearsal' ? this.turns : this.step.recorded + 1,
      model: grant.model,
      reservedMicroUsd: grant.boundMicroUsd,
      bound: grant.bound,
      // Whose purses hold the reservation, for whoever has to settle it after a crash.
      period: wish.period,
      module: this.registered.module,
      agent: this.step.reassignedTo ?? undefined,
      simulated: grant.simulated || undefined,
    });
    this.call = { grant, seq: entry.seq, wish, phase: 'gathered', isAbandoned: false };
    const turn: TurnRow = {
      call: this.call,
      seq: entry.seq,
      model: grant.model,
      priceVersion: grant.priceVersion,
      reservedMicroUsd: grant.boundMicroUsd,
      simulated: grant.simulated,
    };
    return {
      entries: [entry],
      turns: [turn],
      money: { purses: wish.scopes, reserve: grant.boundMicroUsd, release: 0, settle: 0 },
    };
  }

  /** The end of the call under way. */
  turnEnded(
    settlement: Settlement,
    told: Pick<EntryInput, 'data' | 'body'> & { readonly tokens: unknown },
  ): Pick<Change, 'entries' | 'settles' | 'money'> {
    const { grant, seq, wish } = this.call as NonNullable<Attempt['call']>;
    this.call = null;
    this.step.costMicroUsd += settlement.costMicroUsd;
    // A turn with an answer is part of the conversation: whatever comes, it is not paid for again.
    if (told.body !== undefined) this.step.recorded += 1;
    const { costMicroUsd, state } = settlement;
    const data = { ...told.data, costMicroUsd, state };
    const entry = this.entry('turn.ended', data, told.body);
    if (told.body?.class === 'output') this.said = { seq: entry.seq, json: told.body.text };
    return { entries: [entry], ...settled({ grant, seq, wish }, settlement, told.tokens) };
  }

  /** A line that the thread wrote. */
  noted(draft: EntryDraft): Pick<Change, 'entries'> {
    return { entries: [this.entry(draft.kind, draft.data, bodyOf(draft))] };
  }

  /** A finding, once a step: codes and ids in its rows, its sentence and figures in a payload. */
  found(finding: FindingInput): Pick<Change, 'entries' | 'findings'> {
    const { module, name: agent } = this.registered;
    const company = finding.company ?? this.run.facts.company;
    // The same records in another order are the same finding.
    const records = finding.records.map(({ entity, id }) => `${entity} ${id}`).sort();
    const fingerprint = digest(agent, finding.kind, company, records);
    const name = fingerprint.toString('hex');
    this.#found ??= new Set(this.step.found);
    if (this.#found.has(name)) return {};
    this.#found.add(name);
    const body = JSON.stringify({ summary: finding.summary, evidence: finding.evidence ?? {} });
    const entry = this.entry(
      'finding',
      { kind: finding.kind, severity: finding.severity },
      { class: 'finding', text: body },
    );
    const row: FindingRow = {
      seq: entry.seq,
      fingerprint,
      module,
      agent,
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
  intended(intent: SentIntent): Pick<Change, 'entries' | 'effects'> {
    const undoOf = undoneBy(intent.tool, intent.args);
    this.#tools ??= new Map();
    this.#tools.set(intent.key, intent.tool);
    if (undoOf !== null) {
      this.#undoing ??= new Map();
      this.#undoing.set(intent.key, undoOf);
    }
    if (intent.applies !== undefined) return this.#met(intent, intent.applies);
    const { args, binds, amount, server, decided } = intent;
    const routed = server === undefined ? {} : { server };
    const beside = toStorableJson({ binds, ...(amount && { amount }), ...routed });
    const body = `{"args":${args},${beside.slice(1)}`;
    const entry = this.entry(
      `effect.${intent.state}`,
      {
        ...{ tool: intent.tool, key: intent.key, entity: intent.entity },
        ...{ targetId: intent.targetId, ...decided },
      },
      { class: 'effect', text: body },
    );
    const { args: _, terms: _terms, server: _server, decided: _decided, ...kept } = intent;
    const row: EffectRow = { ...kept, seq: entry.seq, undoOf };
    return { entries: [entry], effects: [row] };
  }

  /** A granted effect that is met again: what is stored of it stays as it is. */
  #met({ key, tool }: SentIntent, approval: string): Pick<Change, 'entries'> {
    return { entries: [this.entry('effect.met', { tool, key, approval })] };
  }

  /** The tool of an effect that it has begun; '' for any other. */
  toolOf(key: string): string {
    return this.#tools?.get(key) ?? '';
  }

  /** What became of a started effect. */
  effected(end: {
    readonly key: string;
    readonly state: string;
    readonly outcome: unknown;
    readonly approval?: string;
  }): Pick<Change, 'entries' | 'effectEnds'> {
    const { approval, ...ended } = end;
    if (end.state === 'started') this.writing.add(end.key);
    else this.writing.delete(end.key);
    const kind = end.state === 'started' ? 'effect.resumed' : 'effect.ended';
    const data = { key: end.key, state: end.state, ...(approval !== undefined && { approval }) };
    const entry = this.entry(approval === undefined ? kind : 'effect.granted', data);
    const claim = approval === undefined ? {} : { claim: { approval, seq: entry.seq } };
    return {
      entries: [entry],
      effectEnds: [
        { ...ended, ...claim, made: end.state === 'applied' ? this.#madeBy(end) : null },
        ...this.#undone(end),
      ],
    };
  }

  /** What a reversal has taken back, in the same flush. */
  #undone({ key, state }: { readonly key: string; readonly state: string }) {
    const undone = state === 'applied' ? this.#undoing?.get(key) : undefined;
    return undone === undefined ? [] : [{ key: undone, state: 'undone', outcome: null }];
  }

  #madeBy({ key, outcome }: { readonly key: string; readonly outcome: unknown }) {
    const tools = Object.values(this.registered.agent.tools) as AnyTool[];
    const tool = tools.find(({ name }) => name === this.#tools?.get(key));
    return tool ? madeBy(tool, outcome) : null;
  }

  /** The row that is written once, at the attempt's end. */
  ended(outcome: AttemptRow['outcome'], error: ErrorData | null, now: number): AttemptRow {
    const startedAt = this.step.startedAt ?? now;
    if (outcome !== 'succeeded' && this.#found) this.step.found = this.#found;
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
    body?: EntryInput['body'],
  ): EntryRow {
    return nextEntry(this.run, { step: this.step, kind, data, body });
  }
}

/** What a call's end moves in the ledger and the shared purses. */
export function settled(
  { grant, seq, wish }: Pick<Call, 'grant' | 'seq' | 'wish'>,
  { state, costMicroUsd }: Settlement,
  tokens: unknown,
): Pick<Change, 'settles' | 'money'> {
  const { model, priceVersion, boundMicroUsd } = grant;
  const reservedMicroUsd = boundMicroUsd;
  return {
    settles: [{ seq, model, priceVersion, reservedMicroUsd, state, costMicroUsd, tokens }],
    money: { purses: wish.scopes, reserve: 0, release: boundMicroUsd, settle: costMicroUsd },
  };
}

function bodyOf({ kind, body: text }: EntryDraft): EntryInput['body'] {
  const held = kind === 'effect.observed' ? 'effect' : 'model';
  return text === undefined ? undefined : { class: held, text };
}
