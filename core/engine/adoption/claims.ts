import type { Clock } from '../../base/clock.ts';
import { crashPoint } from '../../base/crash-point.ts';
import { type EngineError, isEngineError, toErrorData } from '../../base/errors.ts';
import { isAnswerLost, isOfServer, isOutage, mayPass } from '../../ports/db/db-error.ts';
import type { PresentModules } from '../../ports/module-code.ts';
import type { RunLoop } from '../loop/loop.ts';
import type { Asked } from '../loop/steering.ts';
import { SetAside } from '../set-aside.ts';
import type { RunEnd } from '../store/run-end.ts';
import type { RunRow, Store } from '../store/store.ts';
import type { Measures } from '../telemetry/measures.ts';
import type { Adoption } from './adoption.ts';

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

/** A run that is ours and not yet in memory. */
interface Claimed {
  readonly row: RunRow;
  /** How often it has failed by what may be its own fault. */
  unknown: number;
  /** The messages by which somebody has cancelled it; null: nobody has. */
  cancelled: readonly number[] | null;
}

/** Takes runs that nobody owns, as far as there is room, and brings them into the loop. */
export class Claims {
  readonly #parts: ClaimParts;
  #claiming: Promise<void> = Promise.resolve();
  readonly #claimed: Claimed[] = [];
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

  /**
   * Does what somebody asks of a run that is set aside, which is its cancel alone: with the next look it is tried once more, and ends where that
   * fails, too. False: it is something else, or asks another run.
   */
  ask(runId: string, { kind }: Asked, taken: readonly number[]): boolean {
    const claimed = this.#claimed.find(({ row }) => row.id === runId);
    if (kind !== 'cancel' || !claimed || this.#aside.triesOf(runId) === 0) return false;
    claimed.cancelled = [...(claimed.cancelled ?? []), ...taken];
    return true;
  }

  /** Claims nothing more; resolves when what is under way has ended. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#claiming;
  }

  async #claimOnce(): Promise<void> {
    const { boot, store, present } = this.#parts;
    if (this.#isStopped) return;
    this.#add(await this.#unheard());
    const room = this.#room - this.#claimed.length;
    const found = room > 0 ? await this.#heard(() => store.claim(boot, room, present?.())) : [];
    this.#add(found);
    if (this.#claimed.length > 0) crashPoint('after-claim');
    const waiting = new Set(this.#aside.waiting);
    const due = this.#claimed.filter(({ row, cancelled }) => cancelled || !waiting.has(row.id));
    for (const claimed of due) await this.#tryOne(claimed);
    // Those may only wait, and there may be more.
    if (found.length > 0 && found.length === room) await this.#claimOnce();
  }

  #add(rows: readonly RunRow[]): void {
    for (const row of rows) this.#claimed.push({ row, unknown: 0, cancelled: null });
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
    const rows = await store.unheard(boot, [
      ...this.#ours,
      ...this.#claimed.map(({ row }) => row.id),
    ]);
    if (isOver) this.#lostAt = null;
    return rows;
  }

  /** One that cannot be taken up now is set aside: it keeps no other from starting. @throws DB_* without a database */
  async #tryOne(claimed: Claimed): Promise<void> {
    const { id } = claimed.row;
    try {
      await this.#takeUp(claimed);
    } catch (error) {
      if (isOutage(error)) {
        // It may be this one alone that the server has no room for: the next look begins with the others.
        this.#claimed.push(...this.#claimed.splice(this.#claimed.indexOf(claimed), 1));
        throw error;
      }
      this.#aside.add(id, error);
      return;
    }
    this.#aside.remove(id);
    this.#claimed.splice(this.#claimed.indexOf(claimed), 1);
  }

  /** A run whose workflow no longer fits the loaded modules ends with the reason; so does one that fails again and again, nobody knows why. */
  async #takeUp(claimed: Claimed): Promise<void> {
    const { adoption, loop, clock } = this.#parts;
    const { row } = claimed;
    try {
      const { run, ...recovered } = await adoption.adopt(row, clock.now());
      this.#ours.add(row.id);
      loop.adopt(run, recovered);
    } catch (error) {
      if (claimed.cancelled) return await this.#cancel(claimed);
      // Nothing of it is lost: others will be able to read it, or this one once that is mended.
      if (isOfServer(error) || isOfProcess(error) || lacksKey(error)) throw error;
      claimed.unknown += 1;
      if (!isEngineError(error) && claimed.unknown < triesOfUnknown) throw error;
      return await this.#refuse(row, error);
    }
    if (claimed.cancelled) loop.ask(row.id, { kind: 'cancel', reason: 'asked' }, claimed.cancelled);
  }

  #cancel({ row, cancelled }: Claimed): Promise<void> {
    const asked = { kind: 'run.cancelling', data: { reason: 'asked' } };
    const ended = { kind: 'run.ended', data: { status: 'cancelled' } };
    const taken = cancelled ?? [];
    return this.#end(row, { status: 'cancelled', entries: [asked, ended], taken });
  }

  #refuse(row: RunRow, error: unknown): Promise<void> {
    const data = { status: 'failed', error: toErrorData(error) };
    return this.#end(row, { status: 'failed', entries: [{ kind: 'run.ended', data }] });
  }

  async #end(row: RunRow, end: RunEnd): Promise<void> {
    const { store, adoption, boot, measures } = this.#parts;
    await adoption.settle(row);
    await store.endRun(row, boot, end);
    const { workflow, pins } = row;
    measures?.refused({ workflow, rehearsal: pins.rehearsal ?? false }, end.status);
  }
}

/** Whether the process lacks memory or files, or the way to something outside: any other run would fare no better. */
function isOfProcess(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return 'syscall' in error || /allocation failed|allocate memory/i.test(error.message);
}

function lacksKey(error: unknown): error is EngineError {
  return isEngineError(error) && error.code === 'ENCRYPTION_KEY';
}
