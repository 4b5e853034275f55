import type { ForecastInput, LiftedStart, Obstacle } from './expected-work.ts';
import type { Keepers } from './keepers.ts';
import { goesBefore } from './line.ts';
import { asks, type Live, placeOf, type Queued, shortestLookMs, startOf } from './live.ts';
import type { Line } from './waits.ts';

type Parts<P> = Pick<ForecastInput<P>, 'now' | 'limits' | 'runLimits' | 'gates'> & {
  readonly watched: Live;
  readonly line: Line<Queued>;
};

/**
 * Finds out when one waiting task would start if one thing in its way were lifted for it alone: at the first moment, after
 * everybody else has started who could, at which nothing else is in its way. Until then the task holds nothing, so the others
 * do as they would without lifting, and it never starts later than it would have.
 *
 * Lifted at that moment it starts. Lifted sooner it stands in line until then, which may move others: its module keeps what fair
 * service owes it, and a line whose first is refused waits as a whole. So it may start sooner or, in one of some 5,000 random
 * plans of few slots, later.
 */
export class Watch<P> {
  readonly #parts: Parts<P>;
  readonly #running = { total: 0, byRun: 0, byModule: 0 };
  /** What stood in its way at the first look, with when it starts if that is lifted. */
  #lifted: { readonly obstacle: Obstacle; startMs: number | null }[] | null = null;
  /** Where it stands in the queue, once it does. */
  item: Queued | null = null;

  constructor(parts: Parts<P>) {
    this.#parts = parts;
  }

  get starts(): readonly LiftedStart[] {
    return (this.#lifted ?? []).map(({ obstacle: { kind, name }, startMs }) => ({
      kind,
      name,
      startMs,
    }));
  }

  isOf(live: Live): boolean {
    return live === this.#parts.watched;
  }

  /** A slot is taken (1) or given back (-1). */
  count({ task }: Live, by: 1 | -1): void {
    const { run, module } = this.#parts.watched.task;
    this.#running.total += by;
    if (task.run === run) this.#running.byRun += by;
    if (task.module === module) this.#running.byModule += by;
  }

  /** Everybody has started who can; `kept` are the models that follow-ups wait for. */
  look(at: number, kept: Pick<Keepers<never>, 'has'>): void {
    const obstacles = this.#parts.watched.startMs === null ? this.#obstacles(at, kept) : [];
    this.#lifted ??= obstacles.map((obstacle) => ({ obstacle, startMs: null }));
    for (const each of this.#lifted) {
      if (each.startMs !== null) continue;
      if (obstacles.every((other) => isSame(other, each.obstacle))) each.startMs = at;
    }
  }

  /** When a look is worth it although nothing of the forecast is left to happen: gates go on to open. */
  lookAt(at: number): number | null {
    const { gates, watched } = this.#parts;
    const isOpen = this.#lifted?.some(({ startMs }) => startMs === null) ?? false;
    if (!isOpen || !gates) return null;
    const refused = gates.blocker(startOf(watched), at);
    const waitMs = refused ? (refused.waitMs ?? null) : 0;
    return waitMs === null ? null : at + Math.max(waitMs, shortestLookMs);
  }

  #obstacles(at: number, kept: Pick<Keepers<never>, 'has'>): readonly Obstacle[] {
    const { watched, gates, now, line } = this.#parts;
    const { task, state } = watched;
    const start = startOf(watched);
    const found: Obstacle[] = [];
    if (state === 'pending') found.push({ kind: 'dependency', name: '' });
    if (state === 'waiting') found.push({ kind: 'wait', name: '' });
    if (task.isPoint) return found;
    found.push(...this.#slots());
    const refusals = gates && asks(start) ? gates.blockers(start, at) : [];
    if (!refusals.some(({ goesWithout }) => goesWithout)) found.push(...refusals);
    const place = this.item ?? { ...task, readyAt: now, order: Number.POSITIVE_INFINITY };
    const isBehind = [...line.items].some(
      (other) => other !== this.item && goesBefore(other, place),
    );
    const isKept =
      task.service !== 'follow_up' &&
      asks(start) &&
      kept.has(placeOf(watched, task.service).model ?? '');
    if (isBehind || isKept) found.push({ kind: 'queue', name: '' });
    return found;
  }

  #slots(): readonly Obstacle[] {
    const { watched, limits, runLimits } = this.#parts;
    const { run, module } = watched.task;
    const { total, byRun, byModule } = this.#running;
    const runLimit = Math.min(limits.perRun, runLimits?.get(run) ?? Number.POSITIVE_INFINITY);
    return [
      ...(total >= limits.running ? [{ kind: 'running', name: 'engine' }] : []),
      ...(byRun >= runLimit ? [{ kind: 'run', name: run }] : []),
      ...(byModule >= limits.perModule ? [{ kind: 'module', name: module }] : []),
    ];
  }
}

function isSame(a: Obstacle, b: Obstacle): boolean {
  return a.kind === b.kind && a.name === b.name;
}
