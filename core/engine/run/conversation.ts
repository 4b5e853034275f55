import type { Answered, RecordedTurn } from '../../ports/dispatcher.ts';

/** Condition on an entry `e`: a start that begins a conversation, and does not go on with one. */
export const beginsConversation = `((e.kind = 'step.started' OR e.data->>'wait' = 'batch') AND NOT e.data ? 'recorded')`;

/** Condition on an entry `e`: a turn that need not be paid for again. */
export const isRecordedTurn = `(e.kind = 'turn.ended' AND e.data ? 'stop' AND NOT e.data ?| ARRAY['error', 'simulated'])`;

/** Condition on entries `e` of a step `s`: since its last start that began a conversation. */
export const isInConversation = `e.tenant_id = s.tenant_id AND e.run_id = s.run_id AND e.step = s.id AND e.seq > (SELECT coalesce(max(e.seq), 0)
  FROM tutti.entry e WHERE e.tenant_id = s.tenant_id AND e.run_id = s.run_id AND e.step = s.id AND ${beginsConversation})`;

/** The end of a model's turn, or what its tool calls came to, as it is stored. */
export interface SpokenRow {
  readonly kind: string;
  readonly data: { readonly stop?: RecordedTurn['stop']; readonly isOutput?: true };
  readonly body: string;
}

/** Puts a conversation together from its rows, in their order. */
export function toTurns(rows: readonly SpokenRow[]): readonly RecordedTurn[] {
  const turns: (Omit<RecordedTurn, 'answered'> & { answered: Answered | null })[] = [];
  for (const { kind, data, body } of rows) {
    const last = turns.at(-1);
    if (kind === 'turn.ended')
      turns.push({ parts: partsOf(body, data), stop: data.stop ?? 'end', answered: null });
    else if (last) last.answered = JSON.parse(body);
  }
  return turns;
}

/** A reply that is the step's output to the letter is stored as the output is. */
function partsOf(body: string, { isOutput }: SpokenRow['data']): RecordedTurn['parts'] {
  return isOutput ? [{ kind: 'text', text: body }] : JSON.parse(body);
}
