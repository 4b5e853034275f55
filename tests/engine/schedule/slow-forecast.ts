import type { ForecastTask, ForecastTimes } from '../../../core/engine/schedule/expected-work.ts';
import type { Ready, ServiceClass } from '../../../core/engine/schedule/ready.ts';
import { Scheduler } from '../../../core/engine/schedule/scheduler.ts';
import type { Plan } from './forecast-plans.ts';
import { WindowGates } from './window-gates.ts';

interface Item extends Ready {
  readonly task: ForecastTask;
}

/**
 * The scheduler driven step by step, as plainly as can be: at every moment it asks again about everything, as the engine's loop
 * does. No task of the plan may be running when it begins.
 */
export function slowForecast(plan: Plan): ReadonlyMap<string, ForecastTimes> {
  const slow = new SlowForecast(plan);
  slow.run();
  return slow.times;
}

class SlowForecast {
  readonly times = new Map<string, { startMs: number | null; endMs: number | null }>();
  readonly #plan: Plan;
  readonly #gates: WindowGates;
  readonly #scheduler: Scheduler<Item>;
  readonly #turns = new Map<string, number>();
  readonly #offered = new Set<string>();
  #events: { readonly at: number; readonly happens: () => void }[] = [];
  #at: number;
  #order = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#at = plan.now;
    this.#gates = new WindowGates(plan.gates);
    this.#scheduler = new Scheduler(plan.limits);
    for (const [run, limit] of plan.runLimits) this.#scheduler.limitRun(run, limit);
    for (const { id } of plan.tasks) this.times.set(id, { startMs: null, endMs: null });
  }

  run(): void {
    for (const task of this.#plan.tasks) {
      const { state, readyAt, needs } = task;
      if (state === 'waiting' && readyAt !== null && readyAt > this.#at)
        this.#later(readyAt - this.#at, () => this.#arrive(task));
      else if (state !== 'pending' || needs.length === 0) this.#arrive(task);
    }
    for (let look = this.#take(); ; look = this.#take()) {
      this.#at = Math.min(look, ...this.#events.map(({ at }) => at));
      if (!Number.isFinite(this.#at)) return;
      for (;;) {
        const next = this.#events.findIndex(({ at }) => at === this.#at);
        if (next < 0) break;
        this.#events.splice(next, 1)[0]?.happens();
      }
    }
  }

  #later(ms: number, happens: () => void): void {
    this.#events.push({ at: this.#at + ms, happens });
  }

  /** Starts what may start, until nothing does; returns when something that was refused is worth another look. */
  #take(): number {
    for (;;) {
      const { look, hasStarted } = this.#pass();
      if (!hasStarted) return look;
    }
  }

  #pass() {
    let hasStarted = false;
    let look = Number.POSITIVE_INFINITY;
    const kept = new Set<string | null>();
    const admits = ({ task, service, model }: Item): boolean => {
      const turn = task.turns[this.#turns.get(task.id) ?? 0] ?? null;
      if (!turn?.bound) return true;
      if (service !== 'follow_up' && kept.has(model)) return false;
      if (!this.#gates.blocker({ task, turn }, this.#at)) return true;
      if (service === 'follow_up') kept.add(model);
      const waitMs = this.#gates.waitMs({ task, turn }, this.#at);
      if (waitMs !== null) look = Math.min(look, this.#at + Math.max(waitMs, 10));
      return false;
    };
    this.#scheduler.take(this.#at, admits, ({ task }) => {
      hasStarted = true;
      this.#start(task);
    });
    return { look, hasStarted };
  }

  #start(task: ForecastTask): void {
    const times = this.times.get(task.id);
    if (times) times.startMs ??= this.#at;
    const turn = task.turns[this.#turns.get(task.id) ?? 0] ?? null;
    if (!turn) return this.#later(task.ownMs, () => this.#endTurn(task));
    const permit = this.#gates.take({ task, turn }, this.#at);
    this.#later(turn.ms, () => {
      this.#gates.settle(permit, turn.use, this.#at);
      if (turn.thenMs) this.#later(turn.thenMs, () => this.#endTurn(task));
      else this.#endTurn(task);
    });
  }

  #endTurn(task: ForecastTask): void {
    this.#scheduler.release(task);
    const turn = (this.#turns.get(task.id) ?? 0) + 1;
    this.#turns.set(task.id, turn);
    if (turn < task.turns.length) this.#offer(task, 'follow_up');
    else this.#end(task);
  }

  #end(ended: ForecastTask): void {
    const closed = [ended];
    for (const task of closed) {
      const times = this.times.get(task.id);
      if (times) times.endMs = this.#at;
      for (const other of this.#plan.tasks) {
        if (!other.needs.includes(task.id) || other.state !== 'pending') continue;
        if (this.#offered.has(other.id) || !this.#mayStart(other)) continue;
        if (!other.isPoint) this.#arrive(other);
        else {
          this.#offered.add(other.id);
          this.times.set(other.id, { startMs: this.#at, endMs: null });
          closed.push(other);
        }
      }
    }
  }

  #mayStart({ needs, join }: ForecastTask): boolean {
    const hasEnded = (id: string) => this.times.get(id)?.endMs !== null;
    return join === 'any' ? needs.some(hasEnded) : needs.every(hasEnded);
  }

  #arrive(task: ForecastTask): void {
    this.#offered.add(task.id);
    if (task.isPoint) {
      this.times.set(task.id, { startMs: this.#at, endMs: null });
      this.#end(task);
    } else this.#offer(task, task.service);
  }

  #offer(task: ForecastTask, service: ServiceClass): void {
    this.#order += 1;
    const isOld = task.state === 'ready' && service !== 'follow_up';
    const readyAt = isOld ? (task.readyAt ?? this.#at) : this.#at;
    const { run, module, erp, priority, turns } = task;
    const model = turns[this.#turns.get(task.id) ?? 0]?.bound ? task.model : null;
    const place = { service, run, module, model, erp, priority };
    this.#scheduler.offer({ ...place, readyAt, order: this.#order, task });
  }
}
