import { bodyText } from '../../ports/db/vault.ts';
import type { RecordedTurn } from '../../ports/recorded-turn.ts';

/** Condition on an entry `e`: a start that begins a conversation, and does not go on with one. */
export const beginsConversation = `((e.kind = 'step.started' OR e.data->>'wait' = 'batch') AND NOT e.data ? 'recorded')`;

/** Condition on an entry `e`: a turn that need not be paid for again. */
export const isRecordedTurn = `(e.kind = 'turn.ended' AND e.data ? 'stop' AND NOT e.data ?| ARRAY['error', 'simulated'])`;

/** Condition on an entry `e` that an index finds by its step: of everything else the whole journal of a run is read. */
export const isSaid = `e.kind IN ('step.started', 'step.waiting', 'turn.ended', 'turn.answered')`;

const ofStep = `e.tenant_id = $1 AND e.run_id = $2 AND e.step = $3 AND ${isSaid}`;

/**
 * The conversation of a step since its last start that began one, oldest first: tenant, run, step. Bodies are looked up by their key and not
 * joined: without statistics a join may read all of the run's.
 */
export const conversationOf = `SELECT kind, data, body FROM (
    SELECT e.seq, e.kind, e.data, (SELECT ${bodyText('p')} FROM tutti.payload p
      WHERE p.tenant_id = $1 AND p.run_id = $2 AND p.seq = e.seq AND p.part = 0) AS body
    FROM tutti.entry e WHERE ${ofStep} AND e.kind IN ('turn.ended', 'turn.answered')
      AND e.seq > (SELECT coalesce(max(e.seq), 0) FROM tutti.entry e WHERE ${ofStep} AND ${beginsConversation})) c
  WHERE body IS NOT NULL ORDER BY seq`;

/** The end of a model's turn, or what its tool calls came to, as it is stored. */
export interface SpokenRow {
  readonly kind: string;
  readonly data: {
    readonly stop?: RecordedTurn['stop'];
    readonly isOutput?: true;
    /** Calls of a turn that wait for other agents, once all others are answered. */
    readonly delegated?: number;
  };
  readonly body: string;
}

/** Puts a conversation together from its rows, in their order. */
export function toTurns(rows: readonly SpokenRow[]): readonly RecordedTurn[] {
  const turns: RecordedTurn[] = [];
  for (const { kind, data, body } of rows) {
    const last = turns.at(-1);
    const { stop = 'end', isOutput, delegated } = data;
    if (kind === 'turn.ended')
      turns.push({ said: body, ...(isOutput && { isOutput }), stop, answered: null });
    else if (last) {
      const { isDelegated: _, ...turn } = last;
      turns[turns.length - 1] =
        delegated === undefined ? { ...turn, answered: body } : { ...turn, isDelegated: true };
    }
  }
  return turns;
}
