import type { Clock } from '../../base/clock.ts';
import { toErrorData } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { BatchConfig } from '../../ports/config.ts';
import type { PermitAsk } from '../../ports/dispatcher.ts';
import type { BatchItem } from '../../ports/models/batch/batch.ts';
import type { PriceOverrides } from '../../ports/models/prices.ts';
import type { Profiles } from '../../ports/models/profiles.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { Standstill } from '../authority/standstill.ts';
import { nextEntry } from '../journal/entries.ts';
import type { Flushed, Journal } from '../journal/journal.ts';
import type { Broker } from '../limits/broker.ts';
import type { BudgetWatch } from '../limits/budget-watch.ts';
import type { Run } from '../run/run.ts';
import { isEnding, type Step } from '../run/step.ts';
import type { Store } from '../store/store.ts';
import { Answers, type WaitEvents } from './answers.ts';
import { itemId, newBatch } from './batch.ts';
import type { StoredBatch, StoredBatches } from './batch-store.ts';
import { type BatchCall, BatchCalls, nothingSpent, unknownSpent } from './calls.ts';
import { directAtMs, type EligibleParts, eligibleTarget, isInTime, sinceOf } from './eligible.ts';
import { Follower } from './follower.ts';
import { Gathering } from './gathering.ts';
import { Requests } from './requests.ts';
import { batchSettings } from './settings.ts';
import { type BatchTarget, BatchTargets, type OpenBatches } from './targets.ts';
import { BatchTimes } from './times.ts';

/** What an installation's batches are. */
export interface Batching {
  readonly config: BatchConfig | undefined;
  readonly profiles: Profiles | null;
  readonly prices: PriceOverrides;
  /** @default no provider has batches */
  readonly open?: OpenBatches | undefined;
  /** Whether the engine surely holds its lease. */
  readonly isOwned: () => boolean;
}

const noBatching: Batching = {
  config: undefined,
  profiles: null,
  prices: {},
  isOwned: () => false,
};

/** What batches work with. */
export interface BatchesParts {
  /** @default no call goes by a batch */
  readonly batching?: Batching | undefined;
  readonly journal: Journal;
  readonly store: Pick<Store, 'conversation'>;
  readonly broker: Broker;
  readonly watch: Pick<BudgetWatch<Run>, 'look'>;
  readonly clock: Clock;
  readonly standstill: Pick<Standstill, 'of'>;
  /** The agent that does a step now. */
  readonly agentOf: (step: Step) => RegisteredAgent;
  readonly events: WaitEvents;
}

/**
 * Model calls that are not urgent, at half the price: steps that agents declare for it wait for their provider's batches and hold no
 * slot, thread or permit. What is reserved, planned, submitted and answered is in the runs' journals before anything follows from it.
 *
 *   take ─▶ reserved ─ gathered ─▶ batch.planned ─▶ batch.submitted ─▶ batch.ended ─▶ turn.ended: the step is ready again
 *               └── too few, refused, no answer, no time: turn.ended, and the call is made directly
 */
export class Batches {
  readonly #parts: BatchesParts;
  readonly #eligible: EligibleParts;
  readonly #calls: BatchCalls;
  readonly #requests: Requests;
  readonly #gathering: Gathering;
  readonly #follower: Follower;
  readonly #answers: Answers;
  /** Bytes of the requests that running steps have asked for. */
  readonly #asked = new WeakMap<Step, number>();

  constructor(parts: BatchesParts) {
    const { batching = noBatching, clock, broker } = parts;
    this.#parts = parts;
    const targets = new BatchTargets(batching);
    const settings = batchSettings(batching.config);
    this.#eligible = { settings, targets, times: new BatchTimes(settings.expectedMs), clock };
    this.#calls = new BatchCalls({ ...parts, budget: broker.budget });
    this.#requests = new Requests(parts);
    this.#gathering = new Gathering(clock, (run, target, calls) => {
      this.#plan(run, target, calls).catch((error: unknown) => {
        const answers = this.#answers;
        const left = calls.filter((call) => answers.isWaiting(call) && !answers.batchOf(call));
        for (const call of left) answers.goDirect(call, nothingSpent(toErrorData(error).code));
      });
    });
    this.#answers = new Answers({
      ...parts,
      calls: this.#calls,
      eligible: this.#eligible,
      gather: (call, afterMs) => this.#gather(call, afterMs),
    });
    this.#follower = new Follower({
      clock,
      requests: this.#requests,
      events: this.#answers,
      known: () => this.#answers.ids,
      isOwned: batching.isOwned,
      isStopped: ({ run, step }) => this.#parts.standstill.of(run, step) !== null,
    });
  }

  /** Lets a ready step that has not begun wait for a batch; false: it starts as it would. */
  takes(run: Run, step: Step): boolean {
    const registered = this.#parts.agentOf(step);
    if (!registered.agent.batch || step.recorded > 0 || run.isCancelled) return false;
    if (this.#parts.standstill.of(run, step)) return false;
    if (!this.#eligible.settings.enabled || this.#answers.isDirect(step)) return false;
    const bytes = this.#requests.firstBytes(run, step);
    return bytes !== null && this.#begin(run, step, bytes);
  }

  /** Whether a running step's next call goes by a batch: then its attempt ends, and `enter` lets it wait. */
  asks({ run, step }: { readonly run: Run; readonly step: Step }, ask: PermitAsk): boolean {
    if (ask.failed || this.#parts.standstill.of(run, step)) return false;
    if (!this.#targetOf(run, step, ask.bytes)) return false;
    this.#asked.set(step, ask.bytes);
    return true;
  }

  /** Lets a step whose attempt has ended for a batch wait for it, or start again to make its call directly. */
  enter(run: Run, step: Step): void {
    const { events, clock } = this.#parts;
    if (isEnding(run, step)) return events.cancelled(run, step);
    const bytes = this.#asked.get(step) ?? 0;
    events.free(run, step);
    if (this.#begin(run, step, bytes)) return events.follow(run, []);
    run.retry(step, clock.now());
    events.follow(run, [{ kind: 'ready', step }]);
  }

  /** Takes up the batches of a run that another engine has had. */
  adopt(run: Run, { calls, batches }: StoredBatches): void {
    const { settings, targets } = this.#eligible;
    const left = new Map<number, BatchCall>();
    for (const stored of calls) {
      const step = run.steps[stored.step];
      if (!step) continue;
      const target = targets.named(stored.profile, stored.model);
      const registered = this.#parts.agentOf(step);
      const call = this.#calls.restore(run, stored, { registered, target });
      if (step.wait === 'batch') this.#answers.wait(call);
      left.set(stored.seq, call);
    }
    for (const stored of batches) {
      const own = stored.items.flatMap((seq) => left.get(seq) ?? []);
      for (const { seq } of own) left.delete(seq);
      if (own.length > 0) this.#refollow(run, stored, own);
    }
    for (const call of left.values()) {
      if (this.#answers.isWaiting(call)) this.#gather(call, settings.gatherMs);
      else this.#calls.end(call, nothingSpent('CANCELLED'));
    }
    for (const step of run.steps)
      if (step.wait === 'batch' && !this.#answers.callOf(step)) this.#parts.events.wake(run, step);
  }

  /** Follows a batch whose end is not known. */
  #refollow(run: Run, stored: StoredBatch, calls: readonly BatchCall[]): void {
    const { mark, profile, model, plannedAt, id } = stored;
    const { settings, targets } = this.#eligible;
    const target = targets.named(profile, model);
    const waiting = calls.filter((call) => this.#answers.isWaiting(call));
    if (!target) {
      for (const call of waiting) this.#answers.goDirect(call, unknownSpent(call));
      for (const call of calls)
        if (!waiting.includes(call)) this.#calls.end(call, unknownSpent(call));
      return;
    }
    const untilMs = directAtMs(run, sinceOf(calls), settings);
    const batch = newBatch({ mark, run, target, plannedAt, untilMs }, calls);
    batch.id = id;
    this.#answers.add(batch);
    // A step that was cancelled as its engine ended.
    for (const call of calls) if (!waiting.includes(call)) this.#answers.giveUp(batch, call);
    this.#follower.follow(batch, null);
  }

  /** A step has changed: nobody waits for the call of one that waits no longer. */
  left(step: Step): void {
    const call = this.#answers.callOf(step);
    if (!call || step.wait === 'batch') return;
    const { state } = call;
    const batch = this.#answers.batchOf(call);
    if (batch) return this.#answers.giveUp(batch, call);
    this.#answers.forget(call);
    if (state.phase !== 'durable') {
      state.isAbandoned = true;
      if (state.phase === 'gathered') this.#calls.drop(call);
      return;
    }
    this.#gathering.remove(call);
    this.#calls.end(call, nothingSpent('CANCELLED'));
  }

  /** A run ends. */
  leave(run: Run): void {
    for (const step of this.#answers.steps) if (run.steps[step.id] === step) this.left(step);
  }

  /** Does nothing more; batches that are out are the next owner's. */
  stop(): void {
    this.#gathering.stop();
    this.#follower.stop();
  }

  #targetOf(run: Run, step: Step, bytes: number): BatchTarget | null {
    if (this.#answers.isDirect(step)) return null;
    const registered = this.#parts.agentOf(step);
    return eligibleTarget(this.#eligible, { run, step, registered }, bytes);
  }

  #begin(run: Run, step: Step, bytes: number): boolean {
    const target = this.#targetOf(run, step, bytes);
    const registered = this.#parts.agentOf(step);
    const caller = target && { run, step, registered, target, bytes };
    const call = caller && this.#calls.begin(caller, (call, flushed) => this.#begun(call, flushed));
    if (call) this.#answers.wait(call);
    else this.#answers.keepDirect(step);
    return call !== null;
  }

  /** The flush with a call's reservation is in. */
  #begun(call: BatchCall, { admitted }: Flushed): void {
    const { run, step, state } = call;
    if (state.isAbandoned) {
      if (state.phase === 'gathered') return;
      if (admitted) this.#calls.end(call, nothingSpent('CANCELLED'));
      else this.#calls.drop(call);
    } else if (admitted) {
      state.phase = 'durable';
      this.#gather(call, this.#eligible.settings.gatherMs);
    } else {
      // Another engine was quicker to spend what it needs.
      this.#calls.drop(call);
      this.#answers.forget(call);
      this.#answers.keepDirect(step);
      this.#parts.events.wake(run, step);
    }
  }

  #gather(call: BatchCall, afterMs: number): void {
    if (call.target) this.#gathering.add(call, call.target, afterMs);
    else this.#answers.goDirect(call, nothingSpent('MODEL_UNKNOWN'));
  }

  /** Sends what has gathered off, in as many batches as the provider wants. */
  async #plan(run: Run, target: BatchTarget, gathered: readonly BatchCall[]): Promise<void> {
    const { settings } = this.#eligible;
    const calls = gathered.filter((call) => !this.#parts.standstill.of(run, call.step));
    for (const call of gathered)
      if (!calls.includes(call)) this.#answers.goDirect(call, nothingSpent('STOPPED'));
    const at = this.#parts.clock.now();
    const isWorthIt = calls.length >= settings.leastItems;
    const plan = { target, rounds: 1, at, since: sinceOf(calls) };
    if (!isWorthIt || !isInTime(run, plan, this.#eligible)) {
      for (const call of calls) this.#answers.goDirect(call, nothingSpent('TURN_BATCHED'));
      return;
    }
    const items: BatchItem[] = [];
    for (const call of calls) {
      try {
        items.push({ id: itemId(call), request: await this.#requests.of(call) });
      } catch (error) {
        if (this.#answers.isWaiting(call))
          this.#answers.goDirect(call, nothingSpent(toErrorData(error).code));
      }
    }
    const byId = new Map(calls.map((call) => [itemId(call), call]));
    const waiting = items.filter(({ id }) => this.#answers.isWaiting(byId.get(id) as BatchCall));
    for (const group of target.batches.split(waiting)) this.#send(run, target, { group, byId });
  }

  #send(
    run: Run,
    target: BatchTarget,
    of: { readonly group: readonly BatchItem[]; readonly byId: ReadonlyMap<string, BatchCall> },
  ): void {
    const { clock, journal } = this.#parts;
    const calls = of.group.map(({ id }) => of.byId.get(id) as BatchCall);
    const plannedAt = clock.now();
    const untilMs = directAtMs(run, sinceOf(calls), this.#eligible.settings);
    const batch = newBatch({ mark: newMark(), run, target, plannedAt, untilMs }, calls);
    this.#answers.add(batch);
    const { profile } = calls[0] as BatchCall;
    const items = calls.map(({ seq }) => seq);
    const data = { mark: batch.mark, profile, model: target.model, at: plannedAt, items };
    const entry = nextEntry(run, { step: null, kind: 'batch.planned', data });
    journal.write({ run, step: null, entries: [entry] }, () =>
      this.#follower.follow(batch, of.group),
    );
  }
}

/** A mark that no batch has had: 25 letters and digits, of the 27 that providers' lists have room for. */
function newMark(): string {
  return BigInt(`0x${newId().replaceAll('-', '')}`).toString(36);
}
