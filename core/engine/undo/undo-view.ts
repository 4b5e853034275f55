import type pg from 'pg';
import type { ErrorData } from '../../base/errors.ts';
import type { EffectState, RunStatus } from '../../ports/db/states.ts';
import { bodyText, vaultOf } from '../../ports/db/vault.ts';
import type { LeftEffect } from '../../sdk/reversal.ts';
import type { UndoItem } from './undo-plan.ts';

/** An effect that an undo is to take back, and what has become of that. */
export interface UndoneEffect {
  /** Hex. */
  readonly key: string;
  readonly tool: string;
  /** The records that it changed or made. */
  readonly records: readonly { readonly entity: string; readonly id: string }[];
  /** `waiting`: its turn has not come. */
  readonly became: 'undone' | 'left' | 'waiting';
  /** Why it was left. */
  readonly reason?: string;
}

/** An undo, as people and programs are shown it. */
export interface UndoView {
  /** The undo run; null: nothing has been started, this is what it would do. */
  readonly id: string | null;
  readonly status: RunStatus | null;
  /** The run that is undone, and the step of it if only one is. */
  readonly of: string;
  readonly step?: string;
  readonly undone: number;
  readonly total: number;
  /** Proposals of the run that nobody will carry out any more. */
  readonly withdrawn: number;
  /** What it comes to in one line; where something is left, `rollback incomplete: 2 of 9 effects stay`. */
  readonly summary: string;
  /** In the order in which they are taken back: the last one first. */
  readonly effects: readonly UndoneEffect[];
}

/** What an undo run was asked for: its input. */
export interface UndoInput {
  readonly of: string;
  readonly step?: string;
  readonly reason: string;
  readonly withdrawn: number;
  readonly items: readonly UndoItem[];
}

/** What an undo would do. */
export function foreseen(input: UndoInput): UndoView {
  return viewOf(input, { id: null, status: null }, (_, planned) =>
    planned === null ? { became: 'waiting' } : { became: 'left', reason: planned },
  );
}

/** How far an undo run has come. */
export async function readUndo(
  pool: pg.Pool,
  tenantId: number,
  { id, status }: { readonly id: string; readonly status: RunStatus },
): Promise<UndoView> {
  const { rows } = await pool.query<{ readonly body: string | null }>(inputSql, [tenantId, id]);
  const inputs = await vaultOf(pool).open(rows, 'body');
  const input = JSON.parse(inputs[0]?.body ?? noInput) as UndoInput;
  const keys = input.items.flatMap(({ effects }) => effects.map(({ effect }) => effect));
  const { rows: steps } = await pool.query<StepRow>(stepsSql, [tenantId, id]);
  const { rows: states } = await pool.query<StateRow>(statesSql, [tenantId, keys]);
  const state = new Map(states.map((each) => [each.key, each.state]));
  const reasons = reasonsOf(input, steps);
  return viewOf(input, { id, status }, (effect) => {
    const reason = reasons.get(effect);
    if (state.get(effect) === 'undone' && reason === undefined) return { became: 'undone' };
    return reason === undefined ? { became: 'waiting' } : { became: 'left', reason };
  });
}

// An input that was erased tells nothing any more.
const noInput = '{"of":"","reason":"","withdrawn":0,"items":[]}';
const inputSql = `SELECT ${bodyText('p')} AS body FROM tutti.payload p
  WHERE tenant_id = $1 AND run_id = $2 AND seq = 1 AND part = 0 AND body IS NOT NULL`;
const stepsSql = `SELECT item_key, status, error FROM tutti.step
  WHERE tenant_id = $1 AND run_id = $2 AND item_key <> '' AND status IN ('failed', 'cancelled', 'skipped')`;
const statesSql = `SELECT key, state FROM (SELECT encode(key, 'hex') AS key, state FROM tutti.effect
  WHERE tenant_id = $1 AND key IN (SELECT decode(k, 'hex') FROM unnest($2::text[]) AS k)) e`;

interface StepRow {
  readonly item_key: string;
  readonly status: string;
  readonly error: ErrorData | null;
}
interface StateRow {
  readonly key: string;
  readonly state: EffectState;
}

/** Why effects were left, by key: what their step says of each, or why it ended at all. */
function reasonsOf(input: UndoInput, steps: readonly StepRow[]): ReadonlyMap<string, string> {
  const byItem = new Map(input.items.map((item) => [item.id, item]));
  return new Map(
    steps.flatMap(({ item_key, status, error }): readonly (readonly [string, string])[] => {
      const left = error?.details?.left as readonly LeftEffect[] | undefined;
      if (left) return left.map(({ effect, reason }) => [effect, reason]);
      const why = error?.message ?? `the undo was ${status} before it`;
      return (byItem.get(item_key)?.effects ?? []).map(({ effect }) => [effect, why]);
    }),
  );
}

function viewOf(
  { of, step, withdrawn, items }: UndoInput,
  run: Pick<UndoView, 'id' | 'status'>,
  becameOf: (effect: string, left: string | null) => Pick<UndoneEffect, 'became' | 'reason'>,
): UndoView {
  const effects = items
    .flatMap((item) => item.effects)
    .map(({ effect, tool, records, left }) => ({
      key: effect,
      tool,
      records: records.map(({ entity, id }) => ({ entity, id })),
      ...becameOf(effect, left),
    }));
  const total = effects.length;
  const undone = effects.filter(({ became }) => became === 'undone').length;
  const counts = { undone, total, withdrawn };
  const stay = effects.filter(({ became }) => became === 'left').length;
  const summary = summaryOf({ ...counts, stay, isPlan: run.id === null });
  return { ...run, of, ...(step !== undefined && { step }), ...counts, summary, effects };
}

function summaryOf(counts: {
  readonly undone: number;
  readonly total: number;
  readonly withdrawn: number;
  readonly stay: number;
  readonly isPlan: boolean;
}): string {
  const { undone, total, withdrawn, stay, isPlan } = counts;
  const proposals = withdrawn === 0 ? '' : `; ${count(withdrawn, 'proposal')} withdrawn`;
  if (total === 0) return `nothing to undo${proposals}`;
  if (stay > 0) {
    const verb = isPlan ? 'would stay' : stay === 1 ? 'stays' : 'stay';
    return `rollback incomplete: ${stay} of ${count(total, 'effect')} ${verb}${proposals}`;
  }
  if (isPlan) return `${count(total, 'effect')} can be taken back${proposals}`;
  if (undone === total) return `${count(total, 'effect')} undone${proposals}`;
  return `${undone} of ${count(total, 'effect')} undone so far${proposals}`;
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
