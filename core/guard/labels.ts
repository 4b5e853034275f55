import type { Trust } from '../ports/db/states.ts';

export type { Trust } from '../ports/db/states.ts';

/** The label of a step's context: what it has read so far, at worst. It only rises while the step works. */
export interface Label {
  trust: Trust;
}

// From what Tutti itself has made to what anybody outside may have written.
const words: readonly Trust[] = ['system', 'operator', 'erp', 'external'];

/** The label of what several sources have gone into: the least trusted of theirs; of none, `system`. */
export function joinOf(labels: Iterable<Trust>): Trust {
  let worst = 0;
  for (const label of labels) worst = Math.max(worst, words.indexOf(label));
  return words[worst] as Trust;
}

/** What has raised a label, for people who ask why. */
export interface Cause {
  readonly tool: string;
  /** Fields whose text was shown. */
  readonly fields?: readonly string[];
}

/** A context that has a label, and a journal. */
interface Labelled {
  readonly label: Label;
  readonly recorder: { entry(kind: string, data: Readonly<Record<string, unknown>>): void };
}

/** Raises a context's label to that of what it reads now. That it has become `external` is an entry of its own, with its cause. */
export function raise({ label, recorder }: Labelled, trust: Trust, cause: Cause): void {
  const raised = joinOf([label.trust, trust]);
  if (raised === label.trust) return;
  label.trust = raised;
  if (raised === 'external') recorder.entry('label.raised', { trust, ...cause });
}
