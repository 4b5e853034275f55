import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorData, toErrorData } from '../../base/errors.ts';
import { Prompt } from '../../guard/prompt.ts';
import type { Dispatcher, PermitAsk, TurnDone } from '../../ports/dispatcher.ts';
import type { AnyAgent } from '../../sdk/agent.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { EntryInput } from '../journal/entries.ts';
import type { Flushed, Journal } from '../journal/journal.ts';
import type { Change } from '../journal/rows.ts';
import type { Broker, CallEnd, CallWish, Refusal } from '../limits/broker.ts';
import type { BudgetWatch } from '../limits/budget-watch.ts';
import { isDaily, periodOf, sharedPurse } from '../limits/purse.ts';
import { retryDelayMs } from '../recovery/retry.ts';
import type { Run } from '../run/run.ts';
import { RunPurses, stepScope } from '../run/run-purses.ts';
import { isEnding, type Step } from '../run/step.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import type { Measures } from '../telemetry/measures.ts';
import { type Attempt, type Call, settled } from './attempt.ts';
import { endOf } from './call-end.ts';
import { lookMs, PurseLooks } from './purse-looks.ts';
import { keepsBack, needsModel } from './refused-call.ts';
import { FollowUp, type Waiting } from './waiting.ts';

/** What model calls are permitted and recorded with. */
export interface TurnParts {
  readonly broker: Broker;
  readonly journal: Journal;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly scheduler: Scheduler<Waiting>;
  /** Whether a call goes by a batch: its attempt ends for it. */
  readonly batches?: { asks(attempt: Attempt, ask: PermitAsk): boolean };
  /** Tells of purses that are nearly empty. */
  readonly watch: Pick<BudgetWatch<Run>, 'look'>;
  /** @default nobody counts */
  readonly measures?: Pick<Measures, 'permitted'> | undefined;
  /** Something was given back that may let other work start. */
  readonly changed: () => void;
}

/** Calls of one turn that find their provider away, until that failure is the attempt's: what a recovery rule answers to. */
const triesPerTurn = 3;
/** The same where the provider was busy: with its gate closed for up to 30 s after each refusal, that is some minutes. */
const busyTriesPerTurn = 20;

/**
 * The model calls of running attempts: each is permitted by the broker and durable, with its reservation, before it is made, and
 * settled exactly once. A step's next turn goes before anything new starts.
 */
export class Turns {
  readonly #parts: TurnParts;
  readonly #prompts = new WeakMap<AnyAgent, Prompt>();
  readonly #purses = new RunPurses();
  readonly #looks: PurseLooks;
  #order = 0;

  constructor(parts: TurnParts) {
    const { broker, journal } = parts;
    this.#parts = parts;
    this.#looks = new PurseLooks({ ...parts, budget: broker.budget });
    journal.onMoney((moved) => broker.budget.flushed(moved));
  }

  /** Whether agents of a run call models at all; in a rehearsal they seem to. */
  areOn({ facts }: Run): boolean {
    return facts.rehearsal || this.#parts.broker.hasModels;
  }

  modelOf({ agent }: RegisteredAgent): string {
    return this.#parts.broker.modelOf(agent.model ?? 'standard');
  }

  /** The first call of a step, or null where its playbook runs. */
  first(run: Run, step: Step, registered: RegisteredAgent): CallWish | null {
    if (!this.areOn(run)) return null;
    const bytes = this.#prompt(registered).bytes(inputOf(run, step), run.facts.goal?.text);
    return this.wish({ run, step, registered }, bytes);
  }

  /** What stands in the way of a call. */
  refusal(wish: CallWish): Refusal | null {
    return this.#parts.broker.refusal(wish);
  }

  /**
   * Why a call cannot be made now, with when to look again; null: it can, or waiting will not help and something else takes
   * its place: a playbook, or the failure of the step.
   */
  refusalOf(
    item: Waiting,
    registered: RegisteredAgent,
  ): (Pick<Refusal, 'scope' | 'blocker'> & { readonly waitMs: number | null }) | null {
    const { kind, owner } = item;
    const wish = this.wishOf(item);
    const refusal = wish && this.#parts.broker.refusal(wish);
    if (!refusal || !keepsBack(refusal, kind === 'turn' || !needsModel(registered))) return null;
    const { blocker, scope, untilMs } = refusal;
    const isMoney = blocker === 'budget';
    return { waitMs: isMoney ? this.#looks.waitMs(owner, scope) : untilMs, scope, blocker };
  }

  /** The call that work waits for, if for one. What waits past midnight pays from the new day's purses. */
  wishOf(item: Waiting): CallWish | null {
    const { wish, owner, step, module } = item;
    const period = this.#period();
    if (wish && wish.period !== period)
      item.wish = { ...wish, period, scopes: this.#scopes({ run: owner, step, module }, period) };
    return item.wish;
  }

  /** Numbers what enters the queue: ties are broken by it. */
  nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  /** Takes everything that a call needs; returns what makes it durable. */
  begin(attempt: Attempt, wish: CallWish): Pick<Change, 'entries' | 'turns' | 'money'> {
    const grant = this.#parts.broker.grant(wish);
    attempt.calledModel = grant.model;
    const { clock, measures } = this.#parts;
    const askedAt = wish.askedAt ?? clock.monotonic();
    if (!grant.simulated) measures?.permitted(grant.model, clock.monotonic() - askedAt);
    const change = attempt.turnStarted(grant, wish);
    this.#parts.watch.look(attempt.run, wish.scopes);
    return change;
  }

  /**
   * A running step asks for its next call. It waits in the queue, before everything new, without a slot and with its deadline
   * standing still. A call that failed for now is made again: always when its provider was busy, otherwise as far as the retry
   * budget of the model allows, after a delay with full jitter.
   */
  request(attempt: Attempt, ask: PermitAsk, isLive: (attempt: Attempt) => boolean): void {
    // Its thread has been told to end, or will be.
    if (isEnding(attempt.run, attempt.step)) return;
    if (this.#parts.batches?.asks(attempt, ask)) return this.#tellDenied(attempt, batchedError);
    const delayMs = this.#delayMs(attempt, ask);
    if (delayMs === null) return this.#tellDenied(attempt, ask.failed?.error as ErrorData);
    this.#queue(this.followUp(attempt, this.wish(attempt, ask.bytes), { isLive }), delayMs);
  }

  /** Lets a step make the call that it waits for, or tells it that none will be made. It has a slot again. */
  grant(item: FollowUp): void {
    const { attempt, wish } = item;
    attempt.step.isAsking = false;
    attempt.deadline?.resume();
    const refusal = this.#parts.broker.refusal(wish);
    if (!refusal) return this.#grant(item);
    const { blocker, scope } = refusal;
    const why = blocker === 'breaker' ? leftAlone(attempt, scope) : overBudget(attempt, scope);
    this.#answer(item, why);
  }

  /** The call under way has left for its provider. */
  sent({ call }: Attempt): void {
    if (call?.phase === 'durable') this.#parts.broker.sent(call.grant);
  }

  /** A call has ended, well or not. */
  end(attempt: Attempt, done: TurnDone): Pick<Change, 'entries' | 'settles' | 'money'> {
    const { turn, stop, durationMs, usage, error, body, isOutput, simulated } = done;
    const data = {
      turn,
      stop,
      durationMs,
      tokens: usage,
      error: error?.code,
      isOutput: isOutput || undefined,
      simulated: simulated || undefined,
    };
    const held = isOutput ? 'output' : 'model';
    const told =
      body === undefined ? { data } : { data, body: { class: held, text: body } as const };
    return this.#settle(attempt, endOf(done), told);
  }

  /** The thread of a call is gone: nobody knows what it cost, so it counts in full, unless it was not to be made yet. */
  lose(attempt: Attempt, error: ErrorData): Pick<Change, 'entries' | 'settles' | 'money'> {
    const { call } = attempt;
    if (!call) return {};
    if (call.phase === 'durable')
      return this.#settle(attempt, { usage: null, sent: true }, { data: { error: error.code } });
    this.#drop(attempt, call);
    return {};
  }

  /** The flush with a call's reservation is in: the call is made, or waits again for money that other engines were quicker to take. */
  decided(item: FollowUp, call: Call, { admitted }: Flushed): void {
    const { attempt } = item;
    const { run } = attempt;
    if (call.isAbandoned) {
      // It ended while its reservation was on its way: what that took is given back.
      const nothing = { state: 'released', costMicroUsd: 0 } as const;
      if (admitted && call.phase === 'sent')
        this.#parts.journal.write({ run, step: null, ...settled(call, nothing, null) });
    } else if (admitted) {
      call.phase = 'durable';
      this.#answer(item, null);
    } else {
      this.#drop(attempt, call);
      attempt.turns -= 1;
      // What the flush has said of the purse mostly keeps it from being refused again; should it not, nothing spins.
      item.refusals += 1;
      this.#queue(item, item.refusals === 1 ? 0 : lookMs);
      this.#parts.changed();
    }
  }

  /** Nothing was written of it, or will be given back; nothing is called. */
  #drop(attempt: Attempt, call: Call): void {
    call.isAbandoned = true;
    attempt.call = null;
    this.#parts.broker.settle(call.grant, { usage: null, sent: false });
  }

  #grant(item: FollowUp): void {
    const { attempt, wish } = item;
    const { run, step } = attempt;
    const change = this.begin(attempt, wish);
    const call = attempt.call as Call;
    this.#parts.journal.write({ run, step, ...change }, (flushed) =>
      this.decided(item, call, flushed),
    );
  }

  /** A running step waits for a call, in the queue from `delayMs` on, without a slot and with its deadline standing still. */
  #queue(item: FollowUp, delayMs: number): void {
    const { scheduler, clock, changed } = this.#parts;
    const { attempt } = item;
    attempt.step.isAsking = true;
    attempt.deadline?.pause();
    scheduler.release(item);
    if (delayMs === 0) return this.#offer(item);
    attempt.asksAt = clock.now() + delayMs;
    clock.after(delayMs, () => {
      attempt.asksAt = null;
      this.#offer(item);
      changed();
    });
  }

  /** What was told to end since it asked, while its reservation was on its way or it was put off, gets no call. */
  #offer(item: FollowUp): void {
    const { attempt, isLive } = item;
    if (!isLive(attempt) || isEnding(attempt.run, attempt.step)) return;
    this.#parts.scheduler.offer(item);
  }

  /** Goes on with a step that has asked: with its call, or without one. */
  #answer({ attempt, launch }: FollowUp, denied: EngineError | null): void {
    const { ref, call } = attempt;
    if (launch) launch(denied);
    else if (denied) this.#tellDenied(attempt, toErrorData(denied));
    else this.#parts.dispatcher.tell({ kind: 'granted', ref, target: (call as Call).grant.target });
  }

  #tellDenied({ ref }: Attempt, error: ErrorData): void {
    this.#parts.dispatcher.tell({ kind: 'denied', ref, error });
  }

  /** How long a call waits before it is asked for, or null: it is not made again. */
  #delayMs({ calledModel }: Attempt, { failed }: PermitAsk): number | null {
    if (!failed) return 0;
    if (failed.error.code === 'MODEL_RATE_LIMITED')
      return failed.tries < busyTriesPerTurn ? 0 : null;
    const { broker } = this.#parts;
    if (failed.tries >= triesPerTurn || !broker.retries(calledModel)) return null;
    return Math.ceil(
      retryDelayMs(
        { attempts: triesPerTurn },
        { failures: failed.tries, random: Math.random(), failure: failed.error },
      ),
    );
  }

  /** A call of a running step, as it is queued. */
  followUp(
    attempt: Attempt,
    wish: CallWish,
    { isLive, launch }: Pick<FollowUp, 'isLive'> & Partial<Pick<FollowUp, 'launch'>>,
  ): FollowUp {
    const { run, step, registered } = attempt;
    const named = {
      owner: run,
      step,
      service: 'follow_up',
      module: registered.module,
      model: this.modelOf(registered),
      readyAt: this.#parts.clock.now(),
      order: this.nextOrder(),
    } as const;
    return new FollowUp(named, { attempt, wish, isLive, launch });
  }

  #settle(
    attempt: Attempt,
    end: CallEnd,
    told: Pick<EntryInput, 'data' | 'body'>,
  ): Pick<Change, 'entries' | 'settles' | 'money'> {
    const { grant, wish } = attempt.call as NonNullable<Attempt['call']>;
    const settlement = this.#parts.broker.settle(grant, end);
    this.#parts.watch.look(attempt.run, wish.scopes);
    return attempt.turnEnded(settlement, { ...told, tokens: end.usage });
  }

  #prompt({ agent, delegates }: RegisteredAgent): Prompt {
    const known = this.#prompts.get(agent);
    if (known) return known;
    const prompt = new Prompt(agent, delegates);
    this.#prompts.set(agent, prompt);
    return prompt;
  }

  /** A call that a step would make with a request of so many bytes. */
  wish(
    { run, step, registered }: Pick<Attempt, 'run' | 'step' | 'registered'>,
    bytes: number,
  ): CallWish {
    const { agent, module } = registered;
    const { tenantId, rehearsal: simulated, attended } = run.facts;
    const period = this.#period();
    return {
      profile: agent.model ?? 'standard',
      bytes,
      scopes: this.#scopes({ run, step, module }, period),
      period,
      tenantId,
      module,
      simulated,
      unattended: !attended,
      askedAt: this.#parts.clock.monotonic(),
    };
  }

  /** The purses that pay for a call, widest first. */
  #scopes({ run, step, module }: Payer, period: string): CallWish['scopes'] {
    return [...this.#purses.of(run, module, period), stepScope(run, step)];
  }

  #period(): string {
    return periodOf(this.#parts.clock.now());
  }
}

/** Whose call is paid, and the module whose agent makes it. */
interface Payer extends Pick<Attempt, 'run' | 'step'> {
  readonly module: string;
}

/** Ends an attempt whose next call goes by a batch; no failure. */
const batchedError = toErrorData(
  new EngineError('TURN_BATCHED', "The step's next model call goes by a batch; it waits for it."),
);

/** Whether a step that could not pay waits for somebody to raise a budget. */
export function asksForMoney({ code, details }: EngineError | ErrorData): boolean {
  return code === 'BUDGET_EXCEEDED' && details?.asks === true;
}

/** A call cannot be paid. `details.asks`: its step waits for a higher budget, as its agent declares; its own purse nobody raises. */
export function overBudget(
  { registered }: Pick<Attempt, 'registered'>,
  scope: string,
): EngineError {
  return new EngineError(
    'BUDGET_EXCEEDED',
    `The budget '${sharedPurse(scope)?.scope ?? scope}' is too small for a model call of '${registered.name}'; raise it.`,
    {
      details: { scope, asks: registered.agent.onBudget === 'ask' && isDaily(scope) },
    },
  );
}

function leftAlone({ registered }: Pick<Attempt, 'registered'>, model: string): EngineError {
  return new EngineError(
    'BREAKER_OPEN',
    `The model '${model}' has failed several times in a row and is left alone for a while; '${registered.name}' asks it later.`,
  );
}

// An input that cannot be made fails the step when it starts; until then it only has no size.
function inputOf(run: Run, step: Step): unknown {
  try {
    return run.inputOf(step);
  } catch {
    return null;
  }
}
