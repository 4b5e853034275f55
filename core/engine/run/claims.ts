import type { Clock } from '../../base/clock.ts';
import { crashPoint } from '../../base/crash-point.ts';
import { type EngineError, isEngineError, toErrorData } from '../../base/errors.ts';
import { isAnswerLost, isOutage, mayPass } from '../../ports/db/db-error.ts';
import type { PresentModules } from '../../ports/module-code.ts';
import { SetAside } from '../set-aside.ts';
import type { Measures } from '../telemetry/measures.ts';
import type { Adoption } from './adopt.ts';
import type { RunLoop } from './loop.ts';
import type { RunRow, Store } from './store.ts';

/** Runs that are at work at once; the others only wait, and would keep new ones out for days. */
const atWorkAtOnce = 64;
/** Runs in memory at once, those that wait included. */
const heldAtOnce = 1_024;
/** How often a run is tried whose error is none of the catalogue, and may be anything: over some eight minutes. */
const triesOfUnknown = 10;
// Longer than the server lets a statement run (ports/db/connection.ts): a claim whose connection is gone may commit until then.
const lateMs = 60_000;

/** What runs are claimed with. */
export interface ClaimParts {
  readonly store: Store;
  readonly adoption: Adoption;
  readonly boot: string;
  readonly loop: RunLoop;
  /** Tenants whose runs stand still until somebody says otherwise: they take no room. @default none */
  readonly isSuspended?: (tenantId: number) => boolean;
  /** The modules that this engine has: runs of others are left alone. @default it takes up any run */
  readonly present?: () => PresentModules | undefined;
  readonly clock: Clock;
  /** @default nobody counts */
  readonly measures?: Pick<Measures, 'refused' | 'setAside'> | undefined;
}

/** Takes runs that nobody owns, as far as there is room, and brings them into the loop. */
export class Claims {
  readonly #parts: ClaimParts;
  #claiming: Promise<void> = Promise.resolve();
  /** Runs that are ours and not yet in memory. */
  readonly #claimed: RunRow[] = [];
  /** Those of them that could not be taken up. */
  readonly #aside: SetAside;
  /** Runs that were taken up and whose end is not durable yet. */
  readonly #ours = new Set<string>();
  /** When the answer of a claim was lost (monotonic, ms): the database may have given us runs that we did not hear of. */
  #lostAt: number | null = null;
  #isStopped = false;

  constructor(parts: ClaimParts) {
    this.#parts = parts;
    this.#aside = new SetAside(parts.clock, (id, error) =>
      parts.measures?.setAside('a run that is to be taken up', id, error),
    );
  }

  /** Claims one after the other, so that a run is adopted before the next claim counts what there is room for. @throws DB_* */
  claim(): Promise<void> {
    const claimed = this.#claiming.then(() => this.#claimOnce());
    this.#claiming = claimed.catch(() => {});
    return claimed;
  }

  /** Why a run that is ours cannot be taken up until somebody mends it; null: none is kept. */
  get trouble(): EngineError | null {
    return this.#aside.errors.find(lacksKey) ?? null;
  }

  /** For a run that is stored: a database that goes away now lets it be claimed when it is back, and nobody is told of a failure. */
  async claimNowOrLater(): Promise<void> {
    await this.claim().catch((error: unknown) => {
      if (!mayPass(error)) throw error;
    });
  }

  /** Resolves when what was claimed until now is taken up. */
  settled(): Promise<void> {
    return this.#claiming;
  }

  /** Hears that the end of a run is durable. */
  ended(runId: string): void {
    this.#ours.delete(runId);
  }

  /** Claims nothing more; resolves when what is under way has ended. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#claiming;
  }

  async #claimOnce(): Promise<void> {
    const { boot, store, present } = this.#parts;
    if (this.#isStopped) return;
    this.#claimed.push(...(await this.#unheard()));
    const room = this.#room - this.#claimed.length;
    const found = room > 0 ? await this.#heard(() => store.claim(boot, room, present?.())) : [];
    this.#claimed.push(...found);
    if (this.#claimed.length > 0) crashPoint('after-claim');
    const waiting = new Set(this.#aside.waiting);
    for (const row of this.#claimed.filter(({ id }) => !waiting.has(id))) await this.#tryOne(row);
    // Those may only wait, and there may be more.
    if (found.length > 0 && found.length === room) await this.#claimOnce();
  }

  /** How many runs more may be in memory. */
  get #room(): number {
    const { loop, isSuspended = () => false } = this.#parts;
    const held = [...loop.runs.values()].filter(({ facts }) => !isSuspended(facts.tenantId));
    if (held.length < atWorkAtOnce) return atWorkAtOnce - held.length;
    const atWork = held.filter((run) => run.isAtWork).length;
    return Math.min(atWorkAtOnce - atWork, heldAtOnce - held.length);
  }

  /** Remembers that an answer was lost. */
  #heard(claim: () => Promise<readonly RunRow[]>): Promise<readonly RunRow[]> {
    return claim().catch((error: unknown) => {
      if (isAnswerLost(error)) this.#lostAt = this.#parts.clock.monotonic();
      throw error;
    });
  }

  /** What claims brought whose answers were lost; looked for until no such claim can still be under way. */
  async #unheard(): Promise<readonly RunRow[]> {
    if (this.#lostAt === null) return [];
    const { boot, clock, store } = this.#parts;
    const isOver = clock.monotonic() - this.#lostAt > lateMs;
    const rows = await store.unheard(boot, [...this.#ours, ...this.#claimed.map(({ id }) => id)]);
    if (isOver) this.#lostAt = null;
    return rows;
  }

  /** One that cannot be taken up now is set aside: it keeps no other from starting. @throws DB_* without a database */
  async #tryOne(row: RunRow): Promise<void> {
    try {
      await this.#takeUp(row);
    } catch (error) {
      if (isOutage(error)) throw error;
      this.#aside.add(row.id, error);
      return;
    }
    this.#aside.remove(row.id);
    this.#claimed.splice(this.#claimed.indexOf(row), 1);
  }

  /** A run whose workflow no longer fits the loaded modules ends with the reason; so does one that fails again and again, nobody knows why. */
  async #takeUp(row: RunRow): Promise<void> {
    const { adoption, loop, clock } = this.#parts;
    try {
      const { run, ...recovered } = await adoption.adopt(row, clock.now());
      this.#ours.add(row.id);
      loop.adopt(run, recovered);
    } catch (error) {
      // Without its key its bodies cannot be read, and a limit of time may hold when less is done: nothing of it is lost.
      if (mayPass(error) || lacksKey(error)) throw error;
      if (!isEngineError(error) && this.#aside.triesOf(row.id) + 1 < triesOfUnknown) throw error;
      await this.#refuse(row, error);
    }
  }

  async #refuse(row: RunRow, error: unknown): Promise<void> {
    const { store, adoption, boot } = this.#parts;
    await adoption.settle(row);
    await store.failRun(row, boot, toErrorData(error));
    const { workflow, pins } = row;
    this.#parts.measures?.refused({ workflow, rehearsal: pins.rehearsal ?? false });
  }
}

function lacksKey(error: unknown): error is EngineError {
  return isEngineError(error) && error.code === 'ENCRYPTION_KEY';
}
