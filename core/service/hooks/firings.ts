import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorData, isEngineError, toErrorData } from '../../base/errors.ts';
import type { Metrics } from '../../base/telemetry/metrics.ts';
import { toJsonb } from '../../engine/journal/rows.ts';
import type { RunRequest } from '../../engine/run/request.ts';
import { mayPass, translateDbError } from '../../ports/db/db-error.ts';
import type { Connector, ErpRecord } from '../../ports/erp/connector.ts';
import { Patience } from '../../ports/erp/patience.ts';
import type { CompiledHook, FiringScope } from './compile.ts';
import type { ClaimedFiring, FiringStore, StoredEvent } from './firing-store.ts';

/** What firings are carried out with. */
export interface FiringParts {
  readonly store: FiringStore;
  readonly hooks: ReadonlyMap<string, CompiledHook>;
  readonly connector: (tenantId: number) => Connector;
  readonly startRun: (request: RunRequest) => Promise<{ readonly id: string }>;
  /** The business date and the time zone of a run, by its tenant and company. */
  readonly dayOf: (
    tenantId: number,
    company: string | null,
  ) => Promise<Pick<RunRequest, 'businessDate' | 'timeZone'>>;
  readonly clock: Clock;
  /** @default 30 */
  readonly keepDays?: number;
  /** Gets what goes wrong outside of any firing. @default nobody */
  readonly onError?: (error: unknown) => void;
  /** Told of every firing that has ended. @default nobody counts */
  readonly metrics?: Metrics;
}

const idleMs = 1_000;
/** Firings in one claim, and of those at once: a run takes a few statements to start. */
const claimLimit = 64;
const atOnce = 8;
/** How long a claim lasts: longer than an ERP may take to answer, and what a crash costs. */
const claimMs = 60_000;
const longestPauseMs = 900_000;
/** At one a quarter of an hour after the first ten: about a working day, as long as an ERP is expected to be away. */
const mostAttempts = 40;
/** What is no error of the catalogue may be anything. */
const triesOfUnknown = 5;
const purgeEveryMs = 3_600_000;
const dayMs = 86_400_000;

/**
 * Carries out firings when they are due: reads the record, asks the hook's condition, writes down what is to be started, starts it, and
 * says so. Whatever is cut off in the middle is taken up by whoever looks next: what is written down is started under the firing's own
 * key, so that the same run is met again.
 */
export class Firings {
  readonly #parts: FiringParts;
  readonly #names: readonly string[];
  readonly #patience: Patience;
  #cancel: () => void = () => {};
  #wakesAt = Number.POSITIVE_INFINITY;
  #working: Promise<void> = Promise.resolve();
  #isOpen = false;
  #purgedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: FiringParts) {
    this.#parts = parts;
    this.#names = [...parts.hooks.keys()];
    this.#patience = new Patience(parts.clock);
  }

  async start(): Promise<void> {
    this.#isOpen = true;
    this.#arm(0);
  }

  /** Ends when what is under way has been settled; what waits for an ERP is put off. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#cancel();
    await this.#patience.endUntil(this.#working);
  }

  /** Something is due at `at`: it is looked at then, and not a second later. */
  wake(at: number): void {
    if (!this.#isOpen || at >= this.#wakesAt) return;
    this.#arm(Math.max(0, at - this.#parts.clock.now()));
  }

  /** Carries out everything that is due; resolves with how many firings that were. */
  async fireDue(): Promise<number> {
    let count = 0;
    for (;;) {
      const now = this.#parts.clock.now();
      const options = { now, until: now + claimMs, limit: claimLimit };
      const claimed = await this.#parts.store.claim(this.#names, options);
      await inParallel(claimed, atOnce, (firing) => this.#settle(firing));
      count += claimed.length;
      if (claimed.length === 0) return count;
    }
  }

  #arm(delayMs: number): void {
    this.#cancel();
    this.#wakesAt = this.#parts.clock.now() + delayMs;
    this.#cancel = this.#parts.clock.after(delayMs, () => {
      this.#wakesAt = Number.POSITIVE_INFINITY;
      this.#working = this.#working.then(() => this.#look());
    });
  }

  async #look(): Promise<void> {
    if (!this.#isOpen) return;
    try {
      await this.fireDue();
      await this.#purge();
    } catch (error) {
      // Without its database it looks again in a second.
      this.#parts.onError?.(error);
    }
    if (this.#isOpen && this.#wakesAt === Number.POSITIVE_INFINITY) this.#arm(idleMs);
  }

  async #purge(): Promise<void> {
    const now = this.#parts.clock.now();
    if (now - this.#purgedAt < purgeEveryMs) return;
    this.#purgedAt = now;
    await this.#parts.store.purge(now - (this.#parts.keepDays ?? 30) * dayMs);
  }

  async #settle(firing: ClaimedFiring): Promise<void> {
    try {
      const decided = firing.state === 'starting' ? firing : await this.#decide(firing);
      if (decided) await this.#start(decided);
    } catch (error) {
      await this.#fail(firing, error).catch((lost: unknown) => this.#parts.onError?.(lost));
    }
  }

  /** What a firing is to start; null: nothing, which is on record then. */
  async #decide(firing: ClaimedFiring): Promise<ClaimedFiring | null> {
    const { store, clock } = this.#parts;
    const { hook, holds, inputOf, companyOf } = this.#hookOf(firing);
    const record = await this.#read(firing);
    const version = record?.version ?? null;
    const skip = async (reason: string): Promise<null> => {
      await this.#end(firing, { state: 'skipped', now: clock.now(), version, reason });
      return null;
    };
    if (hook.entity !== null && record === null) return skip('gone');
    const scope: FiringScope = { event: eventOf(firing), record };
    if (!holds(scope)) {
      if (hook.edge !== null) await store.unsee(firing, { version, now: clock.now() });
      return skip('condition');
    }
    // As it is stored, so that whoever starts it anew starts the same.
    const input = JSON.parse(toJsonb(inputOf(scope) ?? {})) as unknown;
    const company = companyOf(scope);
    const decision = {
      version,
      change: changeOf(firing, version),
      input,
      company,
      edge: hook.edge,
    };
    const decided = await store.decide(firing, decision, clock.now());
    if (decided === 'still') return skip('still');
    if (decided === 'merged') {
      await this.#end(firing, { state: 'merged', now: clock.now(), version });
    }
    return decided === 'starting' ? { ...firing, input, company, version } : null;
  }

  async #start(firing: ClaimedFiring): Promise<void> {
    const { clock, startRun, dayOf } = this.#parts;
    const { tenantId, company } = firing;
    const { name, hook } = this.#hookOf(firing);
    const { id } = await startRun({
      tenantId,
      workflow: hook.workflow,
      input: firing.input,
      // Of the firing, which is the one of its change: whoever goes on with it meets the same run.
      key: `hook:${firing.id}`,
      ...(await this.#patience.wait('where the company is', () => dayOf(tenantId, company))),
      ...(company !== null && { company }),
      ...(hook.goal !== null && { goal: hook.goal }),
      priority: hook.priority,
      attended: false,
      actor: { kind: 'hook', id: `${firing.event.source ?? 'unknown'}/${name}` },
    });
    await this.#end(firing, { state: 'started', now: clock.now(), runId: id });
  }

  /** Once more after a while what may pass; dead at once what cannot. */
  async #fail(firing: ClaimedFiring, thrown: unknown): Promise<void> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const isKnown = isEngineError(thrown);
    const passes =
      mayPass(thrown) || (isKnown && (thrown.retryable || waits.includes(thrown.code)));
    const most = passes ? mostAttempts : isKnown ? 1 : triesOfUnknown;
    const error = errorOf(isKnown || !passes ? thrown : translateDbError(thrown));
    if (firing.attempts >= most) return this.#end(firing, { state: 'dead', now, error });
    const pauseMs = Math.min(longestPauseMs, 1_000 * 2 ** Math.min(firing.attempts - 1, 20));
    await store.postpone(firing, { at: now + pauseMs, error });
    this.wake(now + pauseMs);
  }

  async #end(firing: ClaimedFiring, how: Parameters<FiringStore['end']>[1]): Promise<void> {
    const { store, metrics } = this.#parts;
    if (await store.end(firing, how))
      metrics?.add('tutti.hooks.fired', 1, { hook: firing.hook, outcome: how.state });
  }

  async #read({ tenantId, entity, recordId, hook }: ClaimedFiring): Promise<ErpRecord | null> {
    const isListened = this.#parts.hooks.get(hook)?.hook.entity !== null;
    if (entity === null || recordId === null) return null;
    const connector = this.#parts.connector(tenantId);
    try {
      const asked = { entity, filter: { id: { eq: recordId } }, limit: 1 };
      const page = await this.#patience.wait(`about '${entity}' ${recordId}`, (signal) =>
        connector.query(asked, { signal }),
      );
      return page.rows[0] ?? null;
    } catch (error) {
      // A hook for types only takes the event for what it is, whether its entity is loaded or not.
      if (!isListened && isEngineError(error) && !error.retryable) return null;
      throw error;
    }
  }

  /** Only hooks that are loaded are claimed. */
  #hookOf(firing: ClaimedFiring): CompiledHook {
    const hook = this.#parts.hooks.get(firing.hook);
    if (hook) return hook;
    throw new EngineError('HOOK_UNKNOWN', `There is no hook '${firing.hook}' any more.`);
  }
}

/** What somebody has to end before it can go on. */
const waits: readonly string[] = ['STOPPED', 'TENANT_SUSPENDED'];

function eventOf({ entity, recordId, event }: ClaimedFiring): FiringScope['event'] {
  const { source, dedupe, type, version, time, body }: StoredEvent = event;
  return {
    ...{ entity, id: recordId, version, type, source: source ?? 'unknown', key: dedupe ?? '' },
    time: time === null ? null : new Date(time).toISOString(),
    data: body === null ? null : JSON.parse(body),
  };
}

function changeOf({ entity, recordId, event }: ClaimedFiring, version: string | null): string {
  return version === null ? `event:${event.id}` : `${entity}:${recordId}@${version}`;
}

function errorOf(error: unknown): ErrorData {
  const { code, message } = toErrorData(error);
  return { code, message: message.slice(0, 2_000) };
}

async function inParallel<T>(
  all: readonly T[],
  width: number,
  work: (each: T) => Promise<void>,
): Promise<void> {
  const left = [...all];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
