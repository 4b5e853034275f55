import { crashPoint } from '../../base/crash-point.ts';
import { isEngineError, toErrorData } from '../../base/errors.ts';
import { mayPass } from '../../ports/db/db-error.ts';
import type { Adoption } from './adopt.ts';
import type { RunLoop } from './loop.ts';
import type { RunRow, Store } from './store.ts';

const runsAtOnce = 64;

/** What runs are claimed with. */
export interface ClaimParts {
  readonly store: Store;
  readonly adoption: Adoption;
  readonly boot: string;
  readonly loop: RunLoop;
  readonly now: () => number;
}

/** Takes runs that nobody owns, as far as there is room, and brings them into the loop. */
export class Claims {
  readonly #parts: ClaimParts;
  #claiming: Promise<void> = Promise.resolve();
  /** Runs that are ours and not yet in memory. */
  readonly #claimed: RunRow[] = [];
  #isStopped = false;

  constructor(parts: ClaimParts) {
    this.#parts = parts;
  }

  /** Claims one after the other, so that a run is adopted before the next claim counts what there is room for. @throws DB_* */
  claim(): Promise<void> {
    const claimed = this.#claiming.then(() => this.#claimOnce());
    this.#claiming = claimed.catch(() => {});
    return claimed;
  }

  /** For a run that is stored: a database that goes away now lets it be claimed when it is back, and nobody is told of a failure. */
  async claimNowOrLater(): Promise<void> {
    await this.claim().catch((error: unknown) => {
      if (!mayPass(error)) throw error;
    });
  }

  /** Claims nothing more; resolves when what is under way has ended. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#claiming;
  }

  async #claimOnce(): Promise<void> {
    const { store, boot, loop } = this.#parts;
    const room = runsAtOnce - loop.runs.size - this.#claimed.length;
    if (this.#isStopped || room <= 0) return;
    const claimed = await store.claim(boot, room);
    if (claimed.length > 0) crashPoint('after-claim');
    this.#claimed.push(...claimed);
    for (let row = this.#claimed[0]; row; row = this.#claimed[0]) {
      await this.#takeUp(row);
      this.#claimed.shift();
    }
  }

  /**
   * A run whose workflow no longer fits the loaded modules ends with the reason, so that it keeps no other from starting; what
   * the database keeps from being read is tried again at the next claim.
   */
  async #takeUp(row: RunRow): Promise<void> {
    const { store, adoption, loop, now } = this.#parts;
    try {
      const { run, ...recovered } = await adoption.adopt(row, now());
      loop.adopt(run, recovered);
    } catch (error) {
      if (!isEngineError(error) || error.code.startsWith('DB_')) throw error;
      await store.failRun(row, toErrorData(error));
    }
  }
}
