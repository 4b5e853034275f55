import type { Clock } from '../../base/clock.ts';
import { Deadline } from '../../base/deadline.ts';
import { EngineError, toErrorData } from '../../base/errors.ts';
import { translateDbError } from '../../ports/db/db-error.ts';
import type { Dispatcher, Job } from '../../ports/dispatcher.ts';
import type { RegisteredAgent, Registry } from '../../sdk/registry.ts';
import { appliedBy } from '../approvals/apply.ts';
import type { AgentPlace } from '../graph/compiled.ts';
import type { Journal } from '../journal/journal.ts';
import type { Broker } from '../limits/broker.ts';
import { checkStep } from '../plan/bound.ts';
import { labelOf } from '../run/labels.ts';
import type { Run } from '../run/run.ts';
import { stepScope } from '../run/run-purses.ts';
import { keysOf, pathOf, type Step } from '../run/step.ts';
import type { Store } from '../store/store.ts';
import { Attempt } from './attempt.ts';
import { type Attempts, crashesUntilAlone, usesErp } from './attempts.ts';
import { needsModel } from './refused-call.ts';
import { stepLimits } from './step-limits.ts';
import { asksForMoney, overBudget, type Turns } from './turns.ts';
import { Startable } from './waiting.ts';

/** What attempts are started with. */
export interface LauncherParts {
  readonly journal: Journal;
  readonly store: Pick<Store, 'conversation'>;
  readonly broker: Broker;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly attempts: Attempts;
  /** Something was given back that may let other work start. */
  readonly changed: () => void;
}

/** What a step is given, with its label. */
type Given = Pick<Job, 'input' | 'trust'>;

/** Starts attempts: what a start needs is taken and recorded first, and the job leaves when that is durable. */
export class Launcher {
  readonly #parts: LauncherParts;
  #nextRef = 1;

  constructor(parts: LauncherParts) {
    this.#parts = parts;
  }

  /** The agent that does a step now. */
  agentOf(step: Step): RegisteredAgent {
    return this.agentsOf(step).acting;
  }

  /** The agent that the workflow names, and the one that does the step now. */
  agentsOf(step: Step): { readonly declared: RegisteredAgent; readonly acting: RegisteredAgent } {
    const { agents } = this.#parts.registry;
    const place = step.place as AgentPlace & Step['place'];
    const declared = place.made ?? agents.get(place.agent);
    const acting = agents.get(step.reassignedTo ?? '') ?? declared;
    return { declared, acting } as ReturnType<Launcher['agentsOf']>;
  }

  /** A ready step as the scheduler queues it. */
  startable(run: Run, step: Step): Startable {
    const { turns, clock } = this.#parts;
    const registered = this.agentOf(step);
    const usesModel = turns.areOn(run) && !step.onPlaybook && !registered.isTool;
    const wish = usesModel && step.recorded === 0 ? turns.first(run, step, registered) : null;
    const named = {
      owner: run,
      step,
      service: run.facts.attended ? 'interactive' : 'batch',
      module: registered.module,
      model: wish && turns.modelOf(registered),
      readyAt: step.readyAt ?? clock.now(),
      order: turns.nextOrder(),
    } as const;
    return new Startable(named, { wish, onModel: usesModel, erp: usesErp(registered) });
  }

  /** Begins an attempt. @throws EXPRESSION_INVALID · INPUT_INVALID · BUDGET_EXCEEDED · PLAN_CHANGED: then nothing of it is left but its number */
  start({ owner: run, step, wish, onModel }: Startable): void {
    const { broker, clock, turns, attempts, journal } = this.#parts;
    const registered = this.agentOf(step);
    // Before anything is asked of it: a purse that is not there stands in nobody's way.
    broker.budget.open(
      stepScope(run, step),
      stepLimits(step.place, registered.agent).costMicroUsd,
      {
        settledMicroUsd: step.costMicroUsd,
      },
    );
    const refusal = wish && turns.refusal(wish);
    const asked = run.facts.rehearsal ? 'rehearsal' : 'model';
    const mode = onModel && !refusal ? asked : 'playbook';
    run.begin(step, clock.now());
    const alone = step.crashes >= crashesUntilAlone;
    const attempt = new Attempt({ ref: this.#nextRef++, run, step, registered, mode, alone });
    attempts.add(attempt);
    try {
      const poor = refusal && overBudget(attempt, refusal.scope);
      if (poor && (needsModel(registered) || asksForMoney(poor))) throw poor;
      if (!step.item) checkStep(run.facts.plan, step.place, run.scope());
      const input = inputOf(run, step, registered);
      step.degraded ||= refusal !== null || step.onPlaybook;
      const turn = wish && mode === 'model' ? turns.begin(attempt, wish) : null;
      const { trust, external } = labelOf(run, step);
      const entries = [attempt.started(external), ...(turn?.entries ?? [])];
      const { call } = attempt;
      const launch = (denied: EngineError | null): void => {
        if (attempts.isLive(attempt)) this.#launch(attempt, { input, trust }, denied);
      };
      const isLive = (each: Attempt) => attempts.isLive(each);
      const asked = call && turns.followUp(attempt, call.wish, { isLive, launch });
      journal.write({ run, step, entries, turns: turn?.turns, money: turn?.money }, (flushed) => {
        if (asked) turns.decided(asked, call, flushed);
        else launch(null);
      });
    } catch (error) {
      attempts.close(attempt);
      throw error;
    }
  }

  /** `denied`: why its first call is not made, although it was to be. */
  #launch(attempt: Attempt, given: Given, denied: EngineError | null): void {
    const { attempts } = this.#parts;
    if (denied) {
      attempt.mode = 'playbook';
      if (needsModel(attempt.registered) || asksForMoney(denied))
        return attempts.fail(attempt, toErrorData(denied));
      attempt.step.degraded = true;
    }
    this.#armTimeout(attempt);
    if (attempt.mode === 'playbook' || attempt.recorded === 0)
      return this.#send(attempt, given, []);
    const { tenantId, id } = attempt.run.facts;
    this.#parts.store.conversation(tenantId, id, attempt.step.id).then(
      (recorded) => {
        if (attempts.isLive(attempt)) this.#send(attempt, given, recorded);
      },
      (error: unknown) => {
        attempts.fail(attempt, toErrorData(translateDbError(error)));
        this.#parts.changed();
      },
    );
  }

  #armTimeout(attempt: Attempt): void {
    const { clock, dispatcher } = this.#parts;
    const { agent, name } = attempt.registered;
    const { timeoutMs } = stepLimits(attempt.step.place, agent);
    attempt.deadline = new Deadline(clock, timeoutMs, () => {
      const late = `'${name}' did not end within ${timeoutMs} ms.`;
      dispatcher.cancel(attempt.ref, toErrorData(new EngineError('AGENT_TIMEOUT', late)));
    });
    attempt.deadline.resume();
  }

  #send(
    attempt: Attempt,
    given: Given,
    recorded: Awaited<ReturnType<Store['conversation']>>,
  ): void {
    const { run, step, registered, ref, alone, mode, call } = attempt;
    const {
      tenantId,
      id: runId,
      company,
      businessDate,
      attended,
      journal,
      rehearsal,
      speed,
      retry,
      delegated,
    } = run.facts;
    const applies = appliedBy(run.facts);
    attempt.isSent = true;
    step.worker = this.#parts.dispatcher.run({
      ref,
      tenantId,
      runId,
      ...(retry && { effectsOf: retry.root }),
      ...(delegated && { delegated }),
      journal,
      company,
      businessDate,
      attended,
      alone,
      ...given,
      ...goalFor(run, step),
      stepPath: pathOf(step),
      attempt: step.attempt,
      agent: registered.name,
      ...(registered.made && { made: registered.made }),
      mode,
      permitted: call !== null,
      recorded,
      ...(applies && { applies }),
      ...(call && { target: call.grant.target }),
      ...serverOf(step),
      ...batchOf(step),
      ...this.#parts.attempts.traceOf(attempt),
      ...(rehearsal && { simulate: { latency: true, ...(speed && { speed }) } }),
    });
    // What others are suspected of is not to cost it its time.
    const waitsAlone = alone && this.#parts.dispatcher.awaiting?.get(ref)?.kind === 'quarantine';
    if (waitsAlone) attempt.deadline?.pause();
  }
}

/** Where the MCP calls of a step go that name no server. */
export function serverOf({ place }: Step): Pick<Job, 'server'> {
  const { server } = place as AgentPlace & Step['place'];
  return server === undefined ? {} : { server };
}

/** What the agent of a step is told of its run's goal; one that only calls a tool is told nothing. */
export function goalFor({ facts }: Run, { place }: Step): Pick<Job, 'goal'> {
  return facts.goal && place.sources.goal ? { goal: facts.goal.text } : {};
}

/** The items that a step works on together. */
export function batchOf(step: Step): Pick<Job, 'batch'> {
  const batch = keysOf(step);
  return batch ? { batch } : {};
}

/** A step's input, checked. @throws EXPRESSION_INVALID · INPUT_INVALID */
export function inputOf(run: Run, step: Step, registered: RegisteredAgent): unknown {
  return takenBy(registered, run.inputOf(step), pathOf(step));
}

/** What a step's agent takes of what it is given. @throws INPUT_INVALID */
export function takenBy({ agent, name }: RegisteredAgent, given: unknown, path: string): unknown {
  const input = agent.input.safeParse(given);
  if (input.success) return input.data;
  const issue = input.error.issues[0];
  throw new EngineError(
    'INPUT_INVALID',
    `'${path}' gives '${name}' what it does not take: ${issue?.path.join('.') || 'input'}: ${issue?.message}.`,
  );
}
