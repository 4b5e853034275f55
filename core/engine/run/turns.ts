import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorData, toErrorData } from '../../base/errors.ts';
import { Prompt } from '../../guard/prompt.ts';
import type { Dispatcher, TurnDone } from '../../ports/dispatcher.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import { healthOf } from '../limits/breaker.ts';
import type { Broker, CallEnd, CallWish, Refusal } from '../limits/broker.ts';
import { periodOf, purseName } from '../limits/purse.ts';
import { type Attempt, type Call, settled } from './attempt.ts';
import type { Flushed, Journal } from './journal.ts';
import type { Change } from './rows.ts';
import type { Run } from './run.ts';
import type { Step } from './step.ts';

/** What model calls are permitted and recorded with. */
export interface TurnParts {
  readonly broker: Broker;
  readonly journal: Journal;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  /** Something was given back that may let other work start. */
  readonly changed: () => void;
}

/**
 * The model calls of running attempts: each is permitted by the broker and durable, with its reservation, before it is made, and
 * settled exactly once. A step's next turn goes before anything new starts.
 */
export class Turns {
  readonly #parts: TurnParts;
  readonly #prompts = new Map<string, Prompt>();
  #waiting: { readonly attempt: Attempt; readonly wish: CallWish }[] = [];

  constructor(parts: TurnParts) {
    this.#parts = parts;
  }

  /** Whether agents call models at all. */
  get areOn(): boolean {
    return this.#parts.broker.hasModels;
  }

  modelOf({ agent }: RegisteredAgent): string {
    return this.#parts.broker.modelOf(agent.model ?? 'standard');
  }

  /** The first call of a step, or null where its playbook runs. */
  first(run: Run, step: Step, registered: RegisteredAgent): CallWish | null {
    if (!this.areOn) return null;
    const bytes = this.#prompt(registered).bytes(inputOf(run, step));
    return wishOf({ run, step, registered }, bytes, this.#period());
  }

  /** What stands in the way of a call. */
  refusal(wish: CallWish): Refusal | null {
    return this.#parts.broker.refusal(wish);
  }

  /**
   * Whether a new start may go now: with its first call, or without one where a playbook takes its place. A model that running
   * steps wait for is theirs.
   */
  admits(
    wish: CallWish,
    registered: RegisteredAgent,
  ): { readonly yes: boolean; readonly waitMs: number | null } {
    const { broker } = this.#parts;
    const model = broker.modelOf(wish.profile);
    if (this.#waiting.some((each) => broker.modelOf(each.wish.profile) === model))
      return { yes: false, waitMs: null };
    const refusal = broker.refusal(wish);
    const goesWithout = refusal?.blocker === 'breaker' && !needsModel(registered);
    if (!refusal || refusal.never || goesWithout) return { yes: true, waitMs: null };
    return { yes: false, waitMs: broker.waitMs(wish) };
  }

  /** Takes everything that a call needs; returns what makes it durable. */
  begin(attempt: Attempt, wish: CallWish): Pick<Change, 'entries' | 'turns' | 'budgets'> {
    return attempt.turnStarted(this.#parts.broker.grant(wish), wish);
  }

  /** A running step asks for its next call. */
  request(attempt: Attempt, bytes: number): void {
    this.#waiting.push({
      attempt,
      wish: wishOf(attempt, bytes, this.#period()),
    });
  }

  /** Grants what has become possible; answers what never will be. */
  grantWaiting(isLive: (attempt: Attempt) => boolean): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) {
      const { attempt, wish } = each;
      if (!isLive(attempt)) continue;
      const refusal = this.#parts.broker.refusal(wish);
      if (!refusal) this.#grant(attempt, wish);
      else if (refusal.never) this.#tellDenied(attempt, overBudget(attempt, refusal.scope));
      else if (refusal.blocker === 'breaker')
        this.#tellDenied(attempt, leftAlone(attempt, refusal.scope));
      else this.#waiting.push(each);
    }
  }

  /** Milliseconds until a waiting call is worth another look, or null. */
  waitMs(): number | null {
    const waits = this.#waiting.flatMap((each) => this.#parts.broker.waitMs(each.wish) ?? []);
    return waits.length > 0 ? Math.min(...waits) : null;
  }

  /** A call has ended, well or not. */
  end(attempt: Attempt, done: TurnDone): Pick<Change, 'entries' | 'settles' | 'budgets'> {
    const { turn, stop, durationMs, usage, error, body } = done;
    const data = { turn, stop, durationMs, tokens: usage, ...(error && { error: error.code }) };
    const isWell = healthOf(error ?? null);
    return this.#settle(
      attempt,
      { ...done, isWell },
      { data, ...(body !== undefined && { body }) },
    );
  }

  /** The thread of a call is gone: nobody knows what it cost, so it counts in full, unless it was not to be made yet. */
  lose(attempt: Attempt, error: ErrorData): Pick<Change, 'entries' | 'settles' | 'budgets'> {
    const { call } = attempt;
    if (!call) return {};
    if (call.phase === 'durable')
      return this.#settle(attempt, { usage: null, sent: true }, { data: { error: error.code } });
    this.#drop(attempt, call);
    return {};
  }

  /** Notes that the flush with a call's reservation is in; returns whether the call may be made. */
  decided(attempt: Attempt, call: Call, { admitted }: Flushed): boolean {
    const { run } = attempt;
    if (call.isAbandoned) {
      // It ended while its reservation was on its way: what that took is given back.
      const nothing = { state: 'released', costMicroUsd: 0 } as const;
      if (admitted && call.phase === 'sent')
        this.#parts.journal.write({ run, step: null, ...settled(call, nothing, null) });
      return false;
    }
    if (admitted) call.phase = 'durable';
    else {
      this.#drop(attempt, call);
      attempt.step.degraded = true;
    }
    return admitted;
  }

  /** Nothing was written of it, or will be given back; nothing is called. */
  #drop(attempt: Attempt, call: Call): void {
    call.isAbandoned = true;
    attempt.call = null;
    this.#parts.broker.settle(call.grant, call.wish.profile, { usage: null, sent: false });
  }

  #grant(attempt: Attempt, wish: CallWish): void {
    const { run, step, ref } = attempt;
    const change = this.begin(attempt, wish);
    const call = attempt.call as Call;
    this.#parts.journal.write({ run, step, ...change }, (flushed) => {
      if (this.decided(attempt, call, flushed))
        this.#parts.dispatcher.tell({ kind: 'granted', ref });
      else {
        this.#tellDenied(attempt, overBudget(attempt, 'tenant'));
        this.#parts.changed();
      }
    });
  }

  #tellDenied({ ref }: Attempt, error: EngineError): void {
    this.#parts.dispatcher.tell({ kind: 'denied', ref, error: toErrorData(error) });
  }

  #settle(
    attempt: Attempt,
    end: CallEnd,
    told: { readonly data: Readonly<Record<string, unknown>>; readonly body?: string },
  ): Pick<Change, 'entries' | 'settles' | 'budgets'> {
    const { grant, wish } = attempt.call as NonNullable<Attempt['call']>;
    const settlement = this.#parts.broker.settle(grant, wish.profile, end);
    return attempt.turnEnded(settlement, { ...told, tokens: end.usage });
  }

  #prompt({ name, agent }: RegisteredAgent): Prompt {
    const known = this.#prompts.get(name);
    if (known) return known;
    const prompt = new Prompt(agent);
    this.#prompts.set(name, prompt);
    return prompt;
  }

  #period(): string {
    return periodOf(this.#parts.clock.now());
  }
}

/** Whether an agent does not go on with its playbook when a model call is denied. */
export function needsModel({ agent }: RegisteredAgent): boolean {
  return agent.onBudget === 'fail' || !agent.procedure;
}

export function overBudget(
  { registered }: Pick<Attempt, 'registered'>,
  scope: string,
): EngineError {
  return new EngineError(
    'BUDGET_EXCEEDED',
    `The budget '${scope}' is too small for a model call of '${registered.name}'; raise it.`,
  );
}

function leftAlone({ registered }: Pick<Attempt, 'registered'>, model: string): EngineError {
  return new EngineError(
    'BREAKER_OPEN',
    `The model '${model}' has failed several times in a row and is left alone for a while; '${registered.name}' asks it later.`,
  );
}

/** The purse of one step. */
export function stepScope(run: Run, step: Step): string {
  return `step:${run.facts.id}:${step.id}`;
}

/** The shared purses that pay for what a module does in a run, widest first. */
export function sharedScopes({ facts }: Run, module: string): readonly string[] {
  return ['tenant', `module:${module}`, `workflow:${facts.workflow}`];
}

function wishOf(
  { run, step, registered }: Pick<Attempt, 'run' | 'step' | 'registered'>,
  bytes: number,
  period: string,
): CallWish {
  const { agent, module } = registered;
  const { id, tenantId } = run.facts;
  const shared = sharedScopes(run, module).map((scope) => purseName({ tenantId, scope, period }));
  const scopes = [...shared, `run:${id}`, stepScope(run, step)];
  return { profile: agent.model ?? 'standard', bytes, scopes, period };
}

// An input that cannot be made fails the step when it starts; until then it only has no size.
function inputOf(run: Run, step: Step): unknown {
  try {
    return run.inputOf(step);
  } catch {
    return null;
  }
}
