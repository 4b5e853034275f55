/** A finding, or a planted fact, by what identifies it. */
export interface Marked {
  readonly agent: string;
  readonly kind: string;
  readonly company?: string | null | undefined;
  readonly records: readonly { readonly entity: string; readonly id: string }[];
}

/** Findings as sorted lines, so that two sets compare and a difference reads well. */
export function markAll(found: readonly Marked[]): readonly string[] {
  return found.map(mark).sort();
}

function mark({ agent, kind, company, records }: Marked): string {
  const shown = records.map(({ entity, id }) => `${entity}:${id}`).join(' ');
  return `${agent} ${kind} ${company ?? '-'} ${shown}`;
}
