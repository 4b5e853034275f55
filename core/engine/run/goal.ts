import { EngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import { toStorableText, toVisible } from '../../base/text.ts';
import type { Trust } from '../../ports/db/states.ts';
import { sealedText, type Vault } from '../../ports/db/vault.ts';
import { goalLength, goalSchema } from '../../sdk/goal.ts';

/** What a run is for, in words. */
export interface Goal {
  readonly text: string;
  /** The label of whoever said so. */
  readonly trust: Trust;
  /** Whether its input says the same: then its agents are not told it once more. @default false */
  readonly isInput?: boolean;
}

/** What a run's row keeps of its goal; the words are a body beside the input, and are erased with it. */
export interface PinnedGoal extends Pick<Goal, 'trust' | 'isInput'> {
  /** Of the words, hex. */
  readonly digest: string;
}

/** What a run's row keeps of a goal. */
export function pinnedGoal({ text, ...said }: Goal): PinnedGoal {
  return { ...said, digest: digest(text).toString('hex') };
}

/** Whether a request says another goal than a run has. What authors declare may have changed since the same request was made first. */
export function isOtherGoal(asked: PinnedGoal | undefined, kept: PinnedGoal | undefined): boolean {
  return asked !== undefined && asked.trust !== 'system' && asked.digest !== kept?.digest;
}

/** A goal as it is kept: one line, without what no eye sees. @throws INPUT_INVALID */
export function goalText(goal: string): string {
  const read = goalSchema.safeParse(lineOf(goal));
  if (read.success) return read.data;
  throw new EngineError('INPUT_INVALID', `The goal of a run ${read.error.issues[0]?.message}.`);
}

/** The goal of a task that is given in words: they are, or their beginning is; undefined where there is nothing to read. */
export function goalOfTask(words: string): string | undefined {
  const line = lineOf(words).trim();
  if (line.length <= goalLength) return line || undefined;
  return `${line.slice(0, goalLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function lineOf(text: string): string {
  return toStorableText(toVisible(text)).replaceAll(/[\s\p{Cc}]+/gu, ' ');
}

/**
 * The words of a stored goal, of rows `r` of `tutti.run`, for `openGoals`: part 1 of the first entry's body; null: it has none, or they are
 * erased.
 */
export const goalSql = `CASE WHEN r.pins ? 'goal' THEN (SELECT CASE WHEN g.key_id IS NULL THEN convert_from(g.body, 'UTF8')::jsonb #>> '{}'
      ELSE ${sealedText('g')} END FROM tutti.payload g
    WHERE g.tenant_id = r.tenant_id AND g.run_id = r.id AND g.seq = 1 AND g.part = 1) END`;

/** Rows with their goals in words. @throws ENCRYPTION_KEY · BODY_TAMPERED · DB_* */
export async function openGoals<T extends { readonly goal?: string | null }>(
  vault: Vault,
  rows: readonly T[],
): Promise<readonly T[]> {
  const opened = await vault.open(rows, 'goal');
  if (opened === rows) return rows;
  // What was sealed is the body, and that is JSON; a plain one the database has read.
  return opened.map((row, index) =>
    row === rows[index]
      ? row
      : { ...row, goal: row.goal ? (JSON.parse(row.goal) as string) : null },
  );
}
