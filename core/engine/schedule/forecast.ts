import { atOnce, Pace, type Pieces } from '../../base/pieces.ts';
import { arrivalOf, criticalPathEnd, type Dependents, dependentsOf } from './critical-path.ts';
import type { CallTokens, Forecast, ForecastInput, LimitWait } from './expected-work.ts';
import { Keepers } from './keepers.ts';
import { lineOf } from './line.ts';
import {
  asks,
  blank,
  type Live,
  newLive,
  placeOf,
  type Queued,
  shortestLookMs,
  startOf,
  turnOf,
} from './live.ts';
import type { Ready } from './ready.ts';
import { Scheduler } from './scheduler.ts';
import { Timeline } from './timeline.ts';
import { type Line, Waits } from './waits.ts';
import { Watch } from './watch.ts';

/**
 * Foresees when waiting work starts and ends: the scheduler itself and a fork of the gates, driven by a virtual clock instead
 * of threads. As in the engine a step takes slot and permit together, gives its slot back when it asks for its next turn, and
 * comes back as a follow-up; while a follow-up is refused, nothing new starts on its model. Same input, same forecast.
 *
 * A moment costs one question for each line (line.ts) in which something waits. Measured for 10,000 steps of three turns in 26
 * lines: 0.15 s limited by slots, 0.2 s by requests, 0.25 s by tokens, 0.4 s by calls at once; 600 steps take 6 ms.
 */
export function forecast<P>(input: ForecastInput<P>): Forecast {
  return atOnce(foreseeing(input, new Pace()));
}

/** The same in pieces. What it is given must stay as it is meanwhile. */
export function* foreseeing<P>(input: ForecastInput<P>, pace: Pace): Pieces<Forecast> {
  const dependents = yield* dependentsOf(input.tasks, pace);
  return yield* new Simulation(input, dependents).run(pace);
}

/** Something that is due: a task arrives, its call ends, or all of its turn does. */
type Due<P> =
  | { readonly kind: 'arrived' | 'done'; readonly live: Live }
  | { readonly kind: 'called'; readonly live: Live; readonly permit: P | undefined };

/** Looks in a row at which nothing happened: a minute's window has 240 quanta, so whatever is refused longer never starts. */
const vainLooks = 2_000;
const nothingUsed: CallTokens = { input: 0, output: 0 };

class Simulation<P> {
  readonly #input: ForecastInput<P>;
  readonly #dependents: Dependents;
  readonly #lives: readonly Live[];
  readonly #scheduler: Scheduler<Queued>;
  readonly #timeline = new Timeline<Due<P>>();
  readonly #waits: Waits<Queued>;
  readonly #watch: Watch<P> | null;
  /** Models that a follow-up was refused at this moment, by the line that it stands in. */
  #kept = new Keepers<Line<Queued>>();
  #at: number;
  #order = 0;
  /** When something that was refused is worth another look. */
  #lookAt: number | null = null;

  constructor(input: ForecastInput<P>, dependents: Dependents) {
    const { tasks, limits, now } = input;
    this.#input = input;
    this.#at = now;
    this.#dependents = dependents;
    this.#lives = tasks.map((task, index) => newLive(task, index, dependents));
    this.#scheduler = new Scheduler(limits);
    this.#waits = new Waits(this.#scheduler, now);
    const watched = this.#lives.find(({ task }) => task.id === input.watch);
    this.#watch = watched ? this.#watchOver(watched) : null;
  }

  *run(pace: Pace): Pieces<Forecast> {
    yield* this.#begin(pace);
    let vain = 0;
    for (;;) {
      const hasStarted = this.#tick();
      const dueAt = this.#timeline.nextAt;
      const lookAt =
        this.#lookAt ?? (dueAt === null ? (this.#watch?.lookAt(this.#at) ?? null) : null);
      vain = hasStarted || dueAt !== null ? 0 : vain + 1;
      if ((dueAt === null && lookAt === null) || vain > vainLooks) break;
      this.#at = Math.min(dueAt ?? Number.POSITIVE_INFINITY, lookAt ?? Number.POSITIVE_INFINITY);
      this.#waits.advance(this.#at);
      while (this.#timeline.nextAt === this.#at) {
        this.#happen(this.#timeline.pop() as Due<P>);
        if (pace.isDue()) yield;
      }
      if (pace.isDue()) yield;
    }
    return this.#result();
  }

  #watchOver(watched: Live): Watch<P> {
    const place = placeOf(watched, watched.task.service);
    const line = this.#waits.line(lineOf(place), place);
    return new Watch({ ...this.#input, watched, line });
  }

  // ── how it begins ──────────────────────────────────────────────────────────────────────────────────────────────────

  *#begin(pace: Pace): Pieces<void> {
    const { runLimits = new Map<string, number>(), held, served, now } = this.#input;
    const running = this.#lives.filter(({ task }) => task.state === 'running');
    if (!served) this.#evenOut(running);
    for (const [run, limit] of runLimits) this.#scheduler.limitRun(run, limit);
    for (const live of running) {
      this.#occupy(live);
      this.#work(live, held?.get(live.task.id));
    }
    if (served) this.#scheduler.countServed(served);
    for (const live of this.#lives) {
      const at = arrivalOf(live.task, now);
      if (live.state === 'waiting' && at > now) {
        if (Number.isFinite(at)) this.#timeline.push(at, { kind: 'arrived', live });
      } else if (live.state === 'waiting' || live.task.state === 'ready') {
        this.#arrive(live);
      } else if (live.state === 'pending' && live.needs === 0) this.#arrive(live);
      if (pace.isDue()) yield;
    }
  }

  /**
   * Lets every module begin as served alike: the steps that run are about to be counted as starts, and a module of long steps
   * would seem to have had more than its share.
   */
  #evenOut(running: readonly Live[]): void {
    const counts = new Map(this.#lives.map(({ task }) => [task.module, 0]));
    for (const { task } of running) counts.set(task.module, (counts.get(task.module) ?? 0) + 1);
    const most = Math.max(0, ...counts.values());
    for (const [module, count] of counts)
      for (let each = count; each < most; each += 1) this.#serve(blank(module));
    this.#scheduler.forget('');
  }

  #serve(item: Queued): void {
    this.#scheduler.offer(item);
    this.#scheduler.take(
      this.#at,
      () => true,
      (taken) => this.#scheduler.release(taken),
    );
  }

  /** Takes a slot for a step that runs; there may be none where limits were narrowed meanwhile. */
  #occupy(live: Live): void {
    const item = { ...blank(live.task.module), run: live.task.run };
    live.isBeside = true;
    this.#scheduler.offer(item);
    this.#scheduler.take(
      this.#at,
      () => true,
      () => {
        live.isBeside = false;
      },
    );
    if (live.isBeside) this.#scheduler.withdraw((each) => each === item);
    else this.#watch?.count(live, 1);
    live.startMs = this.#at;
    live.state = 'running';
  }

  // ── what happens ───────────────────────────────────────────────────────────────────────────────────────────────────

  #happen(due: Due<P>): void {
    const { live } = due;
    if (due.kind !== 'called') {
      if (due.kind === 'arrived') this.#arrive(live);
      else this.#done(live);
      return;
    }
    const turn = turnOf(live);
    if (due.permit !== undefined)
      this.#input.gates?.settle(due.permit, turn?.use ?? nothingUsed, this.#at);
    if (turn?.thenMs) this.#timeline.push(this.#at + turn.thenMs, { kind: 'done', live });
    else this.#done(live);
  }

  /** A turn is over: the slot is free, and the step ends or asks for its next turn. */
  #done(live: Live): void {
    if (!live.isBeside) {
      this.#scheduler.release(live.task);
      this.#watch?.count(live, -1);
    }
    live.isBeside = false;
    live.turn += 1;
    if (live.turn < live.task.turns.length) this.#offer(live, 'follow_up');
    else this.#end(live);
  }

  #end(ended: Live): void {
    const passed = [ended];
    for (const live of passed) {
      live.state = 'ended';
      live.endMs = this.#at;
      for (const index of this.#dependents.of[live.index] ?? []) {
        const dependent = this.#lives[index] as Live;
        dependent.needs = dependent.task.join === 'any' ? 0 : dependent.needs - 1;
        if (dependent.state !== 'pending' || dependent.needs > 0) continue;
        if (dependent.task.isPoint && !dependent.task.pointMs) {
          dependent.state = 'ended';
          dependent.startMs = this.#at;
          passed.push(dependent);
        } else this.#arrive(dependent);
      }
    }
  }

  #arrive(live: Live): void {
    const { isPoint, pointMs = 0, service } = live.task;
    if (!isPoint) return this.#offer(live, service);
    live.startMs = this.#at;
    if (pointMs === 0) return this.#end(live);
    live.state = 'running';
    live.isBeside = true;
    // Past its turns: nothing of it is offered when its time is over.
    live.turn = live.task.turns.length;
    this.#timeline.push(this.#at + pointMs, { kind: 'done', live });
  }

  #offer(live: Live, service: Ready['service']): void {
    const { priority, state, readyAt } = live.task;
    const wasReady = state === 'ready' && live.turn === 0;
    this.#order += 1;
    const place = placeOf(live, service);
    const line = this.#waits.line(lineOf(place), place);
    const since = wasReady ? (readyAt ?? this.#at) : this.#at;
    const item = { ...place, priority, readyAt: since, order: this.#order, live, line };
    live.state = 'queued';
    this.#waits.enter(line, item);
    if (this.#watch?.isOf(live)) this.#watch.item = item;
    this.#scheduler.offer(item);
  }

  // ── what starts ────────────────────────────────────────────────────────────────────────────────────────────────────

  #tick(): boolean {
    let hasStarted = false;
    this.#kept = new Keepers();
    const lookAt = this.#waits.nextLook(this.#at);
    this.#lookAt = lookAt && Math.max(lookAt, this.#at + shortestLookMs);
    let isMissed = lookAt !== null && lookAt <= this.#at;
    while (isMissed) {
      this.#lookAt = null;
      this.#kept = new Keepers();
      this.#scheduler.take(
        this.#at,
        (item) => this.#admits(item),
        (item) => {
          hasStarted = true;
          this.#start(item);
        },
      );
      isMissed = this.#kept.drop(this.#scheduler);
    }
    this.#waits.judge();
    this.#watch?.look(this.#at, this.#kept);
    return hasStarted;
  }

  #admits(item: Queued): boolean {
    const { gates } = this.#input;
    const start = startOf(item.live as Live);
    const line = item.line as Line<Queued>;
    if (line.refusedUntil > this.#at) return this.#refuse(item, line.refusedUntil - this.#at);
    line.refused = null;
    line.refusedFirst = item;
    if (!gates || !asks(start)) return true;
    const kept = item.service === 'follow_up' ? undefined : this.#kept.passOver(item.model ?? '');
    if (kept) {
      line.refused = kept.refused;
      line.refusedUntil = kept.refusedUntil;
      return false;
    }
    line.refused = gates.blocker(start, this.#at);
    if (!line.refused || line.refused.goesWithout) return true;
    const { waitMs = null, timedMs = 0 } = line.refused;
    line.refusedUntil = this.#at + timedMs;
    return this.#refuse(item, waitMs);
  }

  #refuse({ service, model, line }: Queued, waitMs: number | null): false {
    if (waitMs !== null) {
      const lookAt = this.#at + Math.max(waitMs, shortestLookMs);
      this.#lookAt = Math.min(lookAt, this.#lookAt ?? lookAt);
    }
    const { refused } = line as Line<Queued>;
    // What is left to those whom somebody waits for is not kept from them.
    if (service === 'follow_up' && model !== null && refused?.kind !== 'headroom')
      this.#kept.keep(model, line as Line<Queued>);
    return false;
  }

  #start(item: Queued): void {
    const live = item.live as Live;
    const line = item.line as Line<Queued>;
    const start = startOf(live);
    const { gates } = this.#input;
    this.#waits.leave(line, item);
    live.startMs ??= this.#at;
    live.state = 'running';
    this.#watch?.count(live, 1);
    if (line.refused?.goesWithout) {
      live.turn = live.task.turns.length;
      this.#timeline.push(this.#at + live.task.ownMs, { kind: 'done', live });
    } else this.#work(live, asks(start) ? gates?.take(start, this.#at) : undefined);
  }

  #work(live: Live, permit: P | undefined): void {
    const ms = turnOf(live)?.ms ?? live.task.ownMs;
    if (Number.isFinite(ms)) this.#timeline.push(this.#at + ms, { kind: 'called', live, permit });
  }

  // ── what comes of it ───────────────────────────────────────────────────────────────────────────────────────────────

  #result(): Forecast {
    const { tasks, now } = this.#input;
    const ends = this.#lives.flatMap(({ endMs }) => endMs ?? []);
    const makespanMs = ends.reduce((last, end) => Math.max(last, end), now) - now;
    const criticalPathMs = criticalPathEnd(tasks, this.#dependents, now) - now;
    const waits = this.#waits.totals();
    return {
      times: new Map(this.#lives.map(({ task, startMs, endMs }) => [task.id, { startMs, endMs }])),
      makespanMs,
      criticalPathMs,
      bottleneck: bottleneckOf(waits, makespanMs, criticalPathMs),
      waits,
      ifLifted: this.#watch?.starts ?? [],
    };
  }
}

function bottleneckOf(
  waits: readonly LimitWait[],
  makespanMs: number,
  criticalPathMs: number,
): Forecast['bottleneck'] {
  const [first] = waits;
  if (!first || criticalPathMs > 0.99 * makespanMs) return { kind: 'work', name: '', share: 0 };
  const { kind, name, share } = first;
  return { kind, name, share };
}
