import { hiddenBinds } from '../../guard/intent.ts';
import { placeOf } from '../../ports/db/vault.ts';
import type { DocumentName } from '../../ports/dispatcher.ts';
import type { CompiledTask } from '../graph/compiled.ts';
import { isShared, type SharedPurse, sharedPurse } from '../limits/purse.ts';
import type { Run } from '../run/run.ts';
import { isTerminal, type RunStatus } from '../run/states.ts';
import type { Step } from '../run/step.ts';
import { BinaryArray } from './binary-array.ts';
import { type Part, parts, typesOf } from './flush.ts';
import { FlushBodies } from './flush-bodies.ts';
import { type Change, toJsonb, toText } from './rows.ts';

/** No rows, and no money: made once, where most changes have none. */
const none: readonly never[] = [];
const nothing = { purses: none, reserve: 0 };

const columnTypes = parts.map((part) => [part, typesOf(part)] as const);

/** A step's row, as the step was when it was read. */
export interface StepRow {
  readonly step: Step;
  readonly values: readonly unknown[];
}

/** The rows of the steps that changed; one that changed several times has one row, its state of this moment. */
export function stepRows(changes: readonly Change[]): readonly StepRow[] {
  const rows: StepRow[] = [];
  const seen = new Set<Step>();
  for (const { step, run } of changes) {
    if (!step || seen.has(step)) continue;
    seen.add(step);
    rows.push({ step, values: stepValues(step, run) });
  }
  return rows;
}

/**
 * Turns changes, and the rows of their steps, into the statement's arrays: its parameters from the fourth on. Whoever sends flushes has one:
 * each flush is written where the one before was, so what the last one returned is void. The driver copies its parameters when it is asked.
 */
export class FlushWriter {
  readonly #arrays = new Map(
    columnTypes.map(([part, types]) => [part, types.map((type) => new BinaryArray(type))]),
  );
  readonly #columns = [...this.#arrays.values()].flat();
  readonly #bodies = new FlushBodies();

  parameters(changes: readonly Change[], rows: readonly StepRow[]): unknown[] {
    for (const column of this.#columns) column.clear();
    const bodies = this.#bodies;
    bodies.clear();
    const put: Put = (part, ...values) => {
      const columns = this.#arrays.get(part) as readonly BinaryArray[];
      for (let index = 0; index < values.length; index += 1) columns[index]?.add(values[index]);
    };
    const purseOf = purseReader();
    const runs = new Map<Run, RunStatus>();
    const sent = oncePerEffect(changes.map(withoutAbandoned));
    sent.forEach((change, ask) => {
      if (change.runStatus) runs.set(change.run, change.runStatus);
      putMoney({ put, purseOf }, change, ask);
      putEntries(put, bodies, { change, ask });
      if (change.effects || change.effectEnds) putEffects(put, change);
      for (const row of change.taken ?? []) put('taken', row);
    });
    for (const { name, release, settle } of sumOf(sent, new Set())) {
      const { tenantId, scope, period } = purseOf(name) as SharedPurse;
      put('want', tenantId, scope, period, release, settle);
    }
    for (const { values } of rows) put('steps', ...values);
    for (const [{ facts, priority }, status] of runs)
      put('runs', facts.tenantId, facts.id, status, isTerminal(status), priority);
    return [...this.#columns.map((each) => each.toBuffer()), ...bodies.parameters()];
  }
}

/** A change as it goes down now: a call whose attempt ended before it was sent reserves nothing and is not told of. */
function withoutAbandoned(change: Change): Change {
  if (!change.turns) return change;
  const isVoid = change.turns.some(({ call }) => call.isAbandoned && call.phase === 'gathered');
  if (isVoid) {
    const { turns: _turns, money: _money, entries = [], ...rest } = change;
    return { ...rest, entries: entries.filter(({ kind }) => kind !== 'turn.started') };
  }
  for (const { call } of change.turns) if (call.phase === 'gathered') call.phase = 'sent';
  return change;
}

/**
 * A statement may change a row once: of several that begin an effect, or use up its approval, the first goes down; the others read what came
 * of it. What ends in the same flush was there before.
 */
function oncePerEffect(changes: readonly Change[]): readonly Change[] {
  if (!changes.some(({ effects, effectEnds }) => effects || effectEnds)) return changes;
  const taken = new Set<string>();
  const nameOf = ({ run }: Change, key: string): string => `${run.facts.tenantId} ${key}`;
  const isFirst = (change: Change, key: string): boolean => {
    const name = nameOf(change, key);
    return !taken.has(name) && taken.add(name) !== null;
  };
  // Of two steps that met at one effect, both may tell its end in one flush: the later word counts. What has an end was begun, so no
  // claim of it holds any more.
  const told = new Map(
    changes.flatMap((change) =>
      (change.effectEnds ?? [])
        .filter(({ claim }) => !claim)
        .map((end) => [nameOf(change, end.key), end] as const),
    ),
  );
  for (const name of told.keys()) taken.add(name);
  const ended = changes.map((change) => {
    const { effectEnds: ends } = change;
    if (!ends) return change;
    const effectEnds = ends.filter((end) =>
      end.claim ? isFirst(change, end.key) : told.get(nameOf(change, end.key)) === end,
    );
    return { ...change, effectEnds };
  });
  return ended.map((change) => {
    const { effects } = change;
    return effects
      ? { ...change, effects: effects.filter(({ key }) => isFirst(change, key)) }
      : change;
  });
}

type Put = (part: Part, ...values: readonly unknown[]) => void;

/** Reads names of purses; a flush has the same few many times. */
function purseReader(): typeof sharedPurse {
  const known = new Map<string, SharedPurse | null>();
  return (name) => {
    if (!isShared(name)) return null;
    const purse = known.get(name) ?? sharedPurse(name);
    known.set(name, purse);
    return purse;
  };
}

/** What a flush has moved of one shared purse: a statement may change a row only once. */
interface PurseSum {
  readonly name: string;
  reserve: number;
  release: number;
  settle: number;
}

/** What changes that went down have moved of the shared purses; `refused`: the turns that were not written, '<run> <seq>'. */
export function movedPurses(
  changes: readonly Change[],
  refused: ReadonlySet<string>,
): readonly PurseSum[] {
  return sumOf(changes.map(withoutAbandoned), refused);
}

function sumOf(changes: readonly Change[], refused: ReadonlySet<string>): readonly PurseSum[] {
  const sums = new Map<string, PurseSum>();
  for (const change of changes) {
    const { money } = change;
    if (!money) continue;
    const isPaid = !isRefused(change, refused);
    for (const name of money.purses) {
      if (!isShared(name)) continue;
      let moved = sums.get(name);
      if (!moved) {
        moved = { name, reserve: 0, release: 0, settle: 0 };
        sums.set(name, moved);
      }
      if (isPaid) moved.reserve += money.reserve;
      moved.release += money.release;
      moved.settle += money.settle;
    }
  }
  return [...sums.values()];
}

/** Whether a change has a turn that was not written. */
export function isRefused({ run, turns }: Change, refused: ReadonlySet<string>): boolean {
  if (refused.size === 0 || !turns) return false;
  return turns.some(({ seq }) => refused.has(`${run.facts.id} ${seq}`));
}

/** `ask`: the change's number in its flush, by which what it reserves is granted or refused. */
function putMoney(
  { put, purseOf }: { readonly put: Put; readonly purseOf: ReturnType<typeof purseReader> },
  change: Change,
  ask: number,
): void {
  const { tenantId, id: run } = change.run.facts;
  const step = change.step?.id ?? 0;
  const { purses = none, reserve = 0 } = change.money ?? nothing;
  for (const name of reserve > 0 ? purses : none) {
    const purse = purseOf(name);
    if (purse) put('asks', ask, tenantId, purse.scope, purse.period, reserve);
  }
  for (const turn of change.turns ?? none) {
    put(
      'turns',
      tenantId,
      run,
      turn.seq,
      step,
      turn.model,
      turn.priceVersion,
      turn.reservedMicroUsd,
      turn.simulated,
      turn.batch ?? false,
      ask,
    );
  }
  for (const row of change.settles ?? none) {
    put(
      'settles',
      tenantId,
      run,
      row.seq,
      step,
      row.model,
      row.priceVersion,
      row.reservedMicroUsd,
      row.state,
      row.costMicroUsd,
      toJsonb(row.tokens),
    );
  }
}

function putEntries(
  put: Put,
  bodies: FlushBodies,
  { change, ask }: { readonly change: Change; readonly ask: number },
): void {
  const { tenantId, id: run } = change.run.facts;
  const step = change.step?.id ?? null;
  for (const row of change.attempts ?? none) {
    put(
      'attempts',
      tenantId,
      run,
      step,
      row.no,
      row.worker,
      row.startedAt,
      row.endedAt,
      row.outcome,
      row.error && toJsonb(row.error),
      row.turns,
      row.spanId === undefined ? null : hex(row.spanId),
    );
  }
  for (const entry of change.entries ?? none) {
    const own = entry.kind === 'turn.started' ? ask : null;
    put(
      'entries',
      tenantId,
      run,
      entry.seq,
      entry.step,
      entry.attempt,
      entry.kind,
      toJsonb(entry.data),
      own,
    );
    if (!entry.body) continue;
    const { class: held, text } = entry.body;
    const sealed = change.run.keys?.seal({ class: held, place: placeOf(entry.seq) }, text);
    const stored = bodies.add(sealed?.body ?? text, sealed?.keyId);
    put('payloads', tenantId, run, entry.seq, held, ...stored, own);
  }
  for (const row of change.findings ?? none) {
    put(
      'findings',
      tenantId,
      run,
      row.fingerprint,
      step,
      row.seq,
      row.module,
      row.agent,
      toText(row.kind),
      row.severity,
      row.company === null ? null : toText(row.company),
      toJsonb(row.records),
      row.amount,
      row.currency,
      change.run.facts.rehearsal,
    );
  }
}

function putEffects(put: Put, change: Change): void {
  const { tenantId, id: run } = change.run.facts;
  const agent = change.step ? (change.step.place as CompiledTask).agent : null;
  // Whoever stands in for the agent that the workflow names.
  const acting = change.step?.reassignedTo ?? null;
  for (const row of change.effects ?? none) {
    put(
      'effects',
      tenantId,
      hex(row.key),
      run,
      change.step?.id ?? 0,
      row.seq,
      row.tool,
      hex(row.contract),
      row.duty,
      toJsonb({ kind: 'agent', id: agent, ...(acting !== null && { acting }) }),
      row.entity,
      row.targetId === null ? null : toText(row.targetId),
      change.run.facts.company,
      hex(row.argsSha256),
      row.binds === null ? null : toJsonb(change.run.keys ? hiddenBinds(row.binds) : row.binds),
      row.state,
      row.state === 'started' ? Date.now() : null,
      row.undoOf ? hex(row.undoOf) : null,
      row.amount?.amount ?? null,
      row.amount?.currency ?? null,
    );
  }
  for (const { key, state, outcome, claim } of change.effectEnds ?? none) {
    const by = claim ? [claim.approval, `${run} ${claim.seq}`] : [null, null];
    put('effect_ends', tenantId, hex(key), state, toJsonb(outcome), ...by);
  }
  putDocuments(put, change);
}

function putDocuments(put: Put, { run, effects = [], effectEnds = [] }: Change): void {
  const putOne = (key: string, part: string, { entity, id }: DocumentName) =>
    put('documents', run.facts.tenantId, entity, toText(id), part, hex(key));
  for (const { key, related = [] } of effects)
    for (const each of related) putOne(key, 'related', each);
  for (const { key, made } of effectEnds) if (made) putOne(key, 'made', made);
}

function stepValues(step: Step, run: Run): readonly unknown[] {
  const { tenantId, id } = run.facts;
  const place = step.place as Partial<CompiledTask>;
  return [
    tenantId,
    id,
    step.id,
    step.node,
    toText(step.itemKey),
    step.kind,
    place.agent ?? null,
    step.status,
    step.attempt,
    step.crashes,
    place.priority ?? 5,
    place.critical ?? true,
    step.worker,
    step.wait,
    step.wakeAt,
    step.readyAt,
    step.startedAt,
    step.endedAt,
    step.outputSeq,
    step.error && toJsonb(step.error),
    step.costMicroUsd,
    step.degraded,
    step.trust,
  ];
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
