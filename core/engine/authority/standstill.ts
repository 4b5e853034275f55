import type { EngineError } from '../../base/errors.ts';
import { moduleOf } from '../../sdk/qualified-name.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import { proposerOf } from '../approvals/apply.ts';
import type { Attempt } from '../loop/attempt.ts';
import type { Waiting } from '../loop/waiting.ts';
import type { Run } from '../run/run.ts';
import type { Step } from '../run/step.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import { type Stop, type Subject, stopError } from './stop.ts';
import { noStops, type StopBook } from './stops.ts';

/** What stopped work is held with. */
export interface StandstillParts {
  /** @default nothing is ever stopped */
  readonly stops?: StopBook | undefined;
  readonly scheduler: Scheduler<Waiting>;
  /** The agent that a workflow names for a step, and the one that does it now. */
  readonly agentsOf: (step: Step) => {
    readonly declared: RegisteredAgent;
    readonly acting: RegisteredAgent;
  };
  /** Puts a ready step into the queue. */
  readonly offer: (run: Run, step: Step) => void;
  /** Work may start. */
  readonly changed: () => void;
}

/** What stops mean for an engine's work: what is ready stays in the queue aside, conversations get no call, writes do not begin. */
export class Standstill {
  readonly #parts: StandstillParts;
  readonly #stops: StopBook;
  /** Steps whose write was stopped, and by what that was reached: it may be more than what a start is reached by. */
  readonly #struck = new WeakMap<Step, Subject>();

  constructor(parts: StandstillParts) {
    this.#parts = parts;
    this.#stops = parts.stops ?? noStops;
    parts.scheduler.hold(({ owner, step }) => this.of(owner, step) !== null);
    this.#stops.onMove(() => this.#move());
  }

  /** The stop that keeps a step from starting and from its next call, or null. */
  of(run: Run, step: Step): Stop | null {
    const { declared, acting } = this.#parts.agentsOf(step);
    const subject = subjectOf(run, [acting, declared]);
    const struck = this.#struck.get(step);
    return this.#stops.of(subject) ?? (struck ? this.#stops.of(struck) : null);
  }

  /** Until when an attempt may begin to write with a tool; 0: it has to ask again. */
  clearUntilMs(attempt: Attempt, tool: string): number {
    return this.#stops.clearUntilMs(this.#writing(attempt, tool));
  }

  /** The same after a look, where the last one is too old. @throws STOPPED */
  async clear(attempt: Attempt, tool: string): Promise<number> {
    const subject = this.#writing(attempt, tool);
    try {
      return await this.#stops.clear(subject);
    } catch (error) {
      this.#struck.set(attempt.step, subject);
      throw error;
    }
  }

  /**
   * Why an attempt may ask nobody outside any more: its tenant is suspended. Null: it may, also where an effect is under way, which is
   * not left half done.
   */
  refusal({ run, writing }: Attempt): EngineError | null {
    const { tenantId } = run.facts;
    if (writing.size > 0 || !this.#stops.isSuspended(tenantId)) return null;
    return stopError({ tenantId, reach: 'suspended', reason: '' });
  }

  #writing({ run, step, registered }: Attempt, tool: string): Subject {
    const { declared } = this.#parts.agentsOf(step);
    const { agents, modules, tenantId } = subjectOf(run, [registered, declared]);
    return { tenantId, agents, modules: [...modules, moduleOf(tool)] };
  }

  /** Stops have been set or lifted. What was lifted enters the queue as if it came now. */
  #move(): void {
    const { scheduler, offer, changed } = this.#parts;
    for (const item of scheduler.sift()) {
      if (item.kind === 'start') offer(item.owner, item.step);
      else scheduler.offer(item);
    }
    changed();
  }
}

/** What a run does that people have granted is done for the agent that had proposed it, too, and what was handed on for who handed it on. */
function subjectOf({ facts }: Run, doers: readonly RegisteredAgent[]): Subject {
  const proposer = proposerOf(facts);
  const agents = [
    ...doers.map(({ name }) => name),
    ...(proposer === null ? [] : [proposer]),
    ...(facts.delegated?.agents ?? []),
  ];
  return {
    tenantId: facts.tenantId,
    agents,
    modules: agents.map(moduleOf),
  };
}
