import type { Join } from '../../sdk/node.ts';
import type { ServiceClass } from './ready.ts';
import type { Blocker, RunningLimits } from './scheduler.ts';

/** Tokens of one model call. */
export interface CallTokens {
  readonly input: number;
  readonly output: number;
}

/** One turn that is expected of an agent: a model call, then the tool calls that it asks for; or time in a slot without a call. */
export interface ExpectedTurn {
  /** How long the call takes; its permit is held meanwhile. */
  readonly ms: number;
  /** How long its tool calls take; the running slot is held meanwhile, the permit is not. @default 0 */
  readonly thenMs?: number;
  /** What is reserved of the token limits; null: no model is called, as where a conversation that goes on begins with what was recorded. */
  readonly bound: CallTokens | null;
  /** What is settled in the end. */
  readonly use: CallTokens;
}

/** A step, one that waits, runs or will come, as a forecast sees it. */
export interface ForecastTask {
  readonly id: string;
  readonly run: string;
  readonly module: string;
  readonly model: string | null;
  readonly erp: boolean;
  /** 1 to 10. */
  readonly priority: number;
  /** `follow_up`: it has started and waits for its next turn. */
  readonly service: ServiceClass;
  /** Tasks that must end first; an id that is not among the tasks has ended. */
  readonly needs: readonly string[];
  /** What it does when needs end. Everything is expected to succeed, so `all_succeeded` and `all_done` are the same here. @default 'all_succeeded' */
  readonly join?: Join;
  /** `pending`: for its needs · `waiting`: until `readyAt` · `running`: `turns` and `ownMs` are what is left of it */
  readonly state: 'pending' | 'ready' | 'running' | 'waiting';
  /** When it became or will become ready, on the clock of `now`; null: nobody knows, and it is not expected to start. */
  readonly readyAt: number | null;
  /** The turns that are left; none: its playbook does it, or the rest of it needs no model. */
  readonly turns: readonly ExpectedTurn[];
  /** How long it works without a model, when no turn is left or when it goes without; infinite: nobody knows, and it is not expected to end. */
  readonly ownMs: number;
  /** Whether it takes no slot: a gate, the beginning or end of a foreach, a batch that is out. @default false */
  readonly isPoint?: boolean;
  /** How long a point takes. @default 0 */
  readonly pointMs?: number;
}

/** What somebody wants to start: a turn of a task, or with `turn` null its work without a model. */
export interface ForecastStart {
  readonly task: ForecastTask;
  readonly turn: ExpectedTurn | null;
}

/** A limit in the way: its kind and whose it is (`model_tokens` of `model:gpt-5`). */
export interface Obstacle {
  readonly kind: string;
  readonly name: string;
  /** Waiting will not help or is not worth it: the task starts now, and does without the model. @default false */
  readonly goesWithout?: boolean;
  /** Milliseconds until the refused start is worth another look; null: the end of something else will tell. @default null */
  readonly waitMs?: number | null;
  /**
   * Milliseconds for which nothing but time lifts it, for no start of the same line: until a pause, a burst, a minute's, an hour's
   * or a day's requests allow one more, tokens left aside. It is not asked about again before. @default asked at every moment
   */
  readonly timedMs?: number;
}

/**
 * Everything but slots that a start takes, as a forecast uses it: a fork that the forecast may spend. Moments are on the clock
 * of the forecast's `now`; whoever adapts a monotonic clock adds the difference.
 */
export interface ForecastLimits<P> {
  /** The first thing in the way of a start, or null. */
  blocker(start: ForecastStart, atMs: number): Obstacle | null;
  /** Everything in the way; only asked of a watched task. */
  blockers(start: ForecastStart, atMs: number): readonly Obstacle[];
  /** Takes all that a start needs; asked right after `blocker` said null. */
  take(start: ForecastStart, atMs: number): P;
  /** Ends a call, or work without a model, with what it used. */
  settle(permit: P, use: CallTokens, atMs: number): void;
}

/** What a forecast starts from. */
export interface ForecastInput<P> {
  readonly now: number;
  /** In the order in which they became ready, as far as they have. */
  readonly tasks: readonly ForecastTask[];
  readonly limits: RunningLimits;
  /** Runs with narrower limits of their own. @default none */
  readonly runLimits?: ReadonlyMap<string, number>;
  /** Starts by module so far, as the scheduler's fair service counts them. @default every module was served alike */
  readonly served?: ReadonlyMap<string, number>;
  /** null: nothing but slots is limited. */
  readonly gates: ForecastLimits<P> | null;
  /** What calls of running tasks hold, by task: settled when the call ends. @default none */
  readonly held?: ReadonlyMap<string, P>;
  /** A waiting task whose start is asked for with each thing in its way lifted. @default none */
  readonly watch?: string;
}

/** When a task is expected to start its next work, and to end; null: not as things are. */
export interface ForecastTimes {
  readonly startMs: number | null;
  readonly endMs: number | null;
}

/** How long ready work waited for one limit, summed over steps. */
export interface LimitWait {
  readonly kind: Blocker | string;
  readonly name: string;
  readonly stepMs: number;
  /** Of all waiting for limits, 0 to 1. */
  readonly share: number;
}

/** What lifting one obstacle for one task alone comes to, while everything else goes on as it would. */
export interface LiftedStart {
  /** `dependency`, `wait`, a slot's or gate's kind, or `queue`. */
  readonly kind: string;
  readonly name: string;
  /** When the task starts if it is lifted at that moment; never later than without lifting. null: not as things are. */
  readonly startMs: number | null;
}

/** What a forecast foresees. Moments are on the clock of `now`. */
export interface Forecast {
  readonly times: ReadonlyMap<string, ForecastTimes>;
  /** From `now` to the last end. */
  readonly makespanMs: number;
  /** How long it would take without any limit. */
  readonly criticalPathMs: number;
  /**
   * The limit that ready work waits for longest. `work`: without limits it would take less than 1 % less, so the longest chain
   * of steps is what counts.
   */
  readonly bottleneck: Pick<LimitWait, 'kind' | 'name' | 'share'>;
  /** The longest first. */
  readonly waits: readonly LimitWait[];
  /** For a watched task: each obstacle that stands in its way at `now`, in order of admission. */
  readonly ifLifted: readonly LiftedStart[];
}
