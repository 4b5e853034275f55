import type { Dependents } from './critical-path.ts';
import type { ExpectedTurn, ForecastStart, ForecastTask } from './expected-work.ts';
import type { Ready } from './ready.ts';
import type { Line } from './waits.ts';

/** As in the engine's loop, what is refused is not looked at more often, milliseconds. */
export const shortestLookMs = 10;

/** A task under way through the simulation. */
export interface Live {
  readonly task: ForecastTask;
  readonly index: number;
  /** Needs that have not ended. */
  needs: number;
  /** Its next turn, or the one under way. */
  turn: number;
  state: 'pending' | 'waiting' | 'queued' | 'running' | 'ended';
  startMs: number | null;
  endMs: number | null;
  /** It was running beyond the limits when the forecast began, and so holds no slot of the scheduler. */
  isBeside: boolean;
}

/** A task in the scheduler's queue. */
export interface Queued extends Ready {
  readonly live: Live | null;
  readonly line: Line<Queued> | null;
}

/** A task as a forecast begins with it. */
export function newLive(task: ForecastTask, index: number, { needs }: Dependents): Live {
  return {
    task,
    index,
    needs: task.state === 'pending' ? (needs[index] as number) : 0,
    turn: 0,
    state: task.state === 'waiting' ? 'waiting' : 'pending',
    startMs: null,
    endMs: null,
    isBeside: false,
  };
}

/** What a task wants to start next. */
export function startOf(live: Live): ForecastStart {
  return { task: live.task, turn: turnOf(live) };
}

/** Where a task stands in line, by what it needs next: a model where it calls one. */
export function placeOf(
  live: Live,
  service: Ready['service'],
): Pick<Ready, 'service' | 'run' | 'module' | 'model' | 'erp'> {
  const { run, module, model, erp } = live.task;
  return { service, run, module, model: callsOf(turnOf(live)) ? model : null, erp };
}

/** Whether a start takes more than a slot. */
export function asks({ task, turn }: ForecastStart): boolean {
  return callsOf(turn) || task.erp;
}

/** Whether a turn begins with a model call. */
function callsOf(turn: ExpectedTurn | null): boolean {
  return turn !== null && turn.bound !== null;
}

/** The turn that a task is at, or null: what is left of it needs no model. */
export function turnOf({ task, turn }: Live): ExpectedTurn | null {
  return task.turns[turn] ?? null;
}

/** Work that stands for other work where only run and module count. */
export function blank(module: string): Queued {
  const place = { service: 'batch', run: '', module, model: null, erp: false } as const;
  return { ...place, priority: 1, readyAt: 0, order: 0, live: null, line: null };
}
