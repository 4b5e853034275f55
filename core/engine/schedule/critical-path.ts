import type { ForecastTask } from './expected-work.ts';

/** Tasks by the indexes of those that wait for them. */
export interface Dependents {
  /** For each task, the indexes of the tasks that need it. */
  readonly of: readonly (readonly number[])[];
  /** For each task, how many of its needs are among the tasks. */
  readonly needs: readonly number[];
}

/** Turns needs into edges by index; an id that is not among the tasks has ended, and lets a join `any` go. */
export function dependentsOf(tasks: readonly ForecastTask[]): Dependents {
  const indexes = new Map(tasks.map(({ id }, index) => [id, index]));
  const of: number[][] = tasks.map(() => []);
  const needs = tasks.map(({ needs: ids, join }, index) => {
    const open = new Set(ids.flatMap((id) => indexes.get(id) ?? []));
    if (join === 'any' && ids.some((id) => !indexes.has(id))) return 0;
    for (const need of open) of[need]?.push(index);
    return open.size;
  });
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
