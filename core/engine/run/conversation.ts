import type { Answered, RecordedTurn } from '../../ports/dispatcher.ts';

/** Condition on entries `e` of a step `s`: since its last start that began a conversation, and did not go on with one. */
export const isInConversation = `e.tenant_id = s.tenant_id AND e.run_id = s.run_id AND e.step = s.id AND e.seq > (SELECT coalesce(max(b.seq), 0)
  FROM tutti.entry b WHERE b.tenant_id = s.tenant_id AND b.run_id = s.run_id AND b.step = s.id AND (b.kind = 'step.started' OR b.data->>'wait' = 'batch') AND NOT b.data ? 'recorded')`;

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
