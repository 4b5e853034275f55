import type { Pace, Pieces } from '../../base/pieces.ts';
import type { ForecastTask } from './expected-work.ts';

/** Tasks by the indexes of those that wait for them. */
export interface Dependents {
  /** For each task, the indexes of the tasks that need it. */
  readonly of: readonly (readonly number[])[];
  /** For each task, how many of its needs are among the tasks. */
  readonly needs: readonly number[];
}

/** Turns needs into edges by index; an id that is not among the tasks has ended, and lets a join `any` go. */
export function* dependentsOf(tasks: readonly ForecastTask[], pace: Pace): Pieces<Dependents> {
  const indexes = new Map<string, number>();
  for (const [index, { id }] of tasks.entries()) {
    indexes.set(id, index);
    if (pace.isDue()) yield;
  }
  const of: number[][] = tasks.map(() => []);
  const needs: number[] = [];
  for (const [index, { needs: ids, join }] of tasks.entries()) {
    const open = new Set<number>();
    for (const id of ids) {
      const need = indexes.get(id);
      if (need !== undefined) open.add(need);
      if (pace.isDue()) yield;
    }
    const isLetGo = join === 'any' && open.size < ids.length && ids.some((id) => !indexes.has(id));
    if (!isLetGo) for (const need of open) of[need]?.push(index);
    needs.push(isLetGo ? 0 : open.size);
    if (pace.isDue()) yield;
  }
  return { of, needs };
}

/** When the last task would end if nothing were limited; tasks that are not expected to start do not count. */
export function criticalPathEnd(
  tasks: readonly ForecastTask[],
  { of, needs }: Dependents,
  now: number,
): number {
  const left = [...needs];
  // When the needs of each allow it to start: the last of them, or the first where one is enough.
  const allowed = tasks.map(({ join }, index) =>
    join === 'any' && left[index] !== 0 ? Number.POSITIVE_INFINITY : now,
  );
  const free = left.flatMap((count, index) => (count === 0 ? [index] : []));
  let last = now;
  for (const index of free) {
    const task = tasks[index] as ForecastTask;
    const end = workEnd(task, Math.max(allowed[index] as number, arrivalOf(task, now)));
    if (Number.isFinite(end)) last = Math.max(last, end);
    for (const dependent of of[index] ?? []) {
      const choose = tasks[dependent]?.join === 'any' ? Math.min : Math.max;
      allowed[dependent] = choose(allowed[dependent] as number, end);
      left[dependent] = (left[dependent] as number) - 1;
      if (left[dependent] === 0) free.push(dependent);
    }
  }
  return last;
}

/** When a task may start as far as it alone decides: infinite for one that waits for nobody knows how long. */
export function arrivalOf({ state, readyAt }: ForecastTask, now: number): number {
  if (state !== 'waiting') return now;
  return readyAt === null ? Number.POSITIVE_INFINITY : Math.max(now, readyAt);
}

// Added up one by one, as a clock would: sums in another order differ in the last bits.
function workEnd(task: ForecastTask, startMs: number): number {
  if (task.isPoint) return startMs + (task.pointMs ?? 0);
  if (task.turns.length === 0) return startMs + task.ownMs;
  return task.turns.reduce((at, { ms, thenMs = 0 }) => at + ms + thenMs, startMs);
}
