import type { Log } from '../../core/base/telemetry/log.ts';
import { watch } from '../pool/watchdog.ts';
import { type EngineAddress, Link, type LinkOptions } from './link.ts';

/** What a machine offers, and to whom. */
export interface MachineOptions extends Omit<LinkOptions, 'address' | 'events'> {
  readonly engines: readonly EngineAddress[];
  /** Lanes for each engine, each a process. */
  readonly lanes: number;
  readonly log: Log;
}

/** Before the next try to connect; doubled at each, up to the longest. */
const connectDelayMs = 500;
const longestDelayMs = 15_000;

/** One lane of an engine: its connection, or the wait for the next. */
interface Place {
  readonly address: EngineAddress;
  link: Link | null;
  tries: number;
  cancelWait: () => void;
}

/** A machine that agents run on: it keeps as many connections to each of its engines as it offers lanes, and comes back when one is lost. */
export class Machine {
  readonly #options: MachineOptions;
  readonly #places: readonly Place[];
  readonly #stopWatch: () => void;
  /** What was told last of each engine: what does not change is told once. */
  readonly #told = new Map<string, string>();
  readonly #over = Promise.withResolvers<void>();
  #isLeaving = false;

  constructor(options: MachineOptions) {
    const { engines, lanes, clock } = options;
    this.#options = options;
    this.#places = engines.flatMap((address) =>
      Array.from({ length: lanes }, () => {
        return { address, link: null, tries: 0, cancelWait: () => {} };
      }),
    );
    this.#stopWatch = watch(() => this.#places.flatMap(({ link }) => link?.watched ?? []), clock);
    for (const place of this.#places) this.#connect(place);
  }

  /** Takes nothing more. Resolves when the last job has ended. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    for (const { link, cancelWait } of this.#places) {
      cancelWait();
      link?.leave();
    }
    this.#overIfEmpty();
    await this.#over.promise;
    this.#stopWatch();
  }

  /** Ends at once, with what runs. */
  async close(): Promise<void> {
    const left = this.leave();
    for (const { link } of this.#places) link?.close();
    await left;
  }

  #connect(place: Place): void {
    const { address } = place;
    const name = `${address.host}:${address.port}`;
    place.link = new Link({
      ...this.#options,
      address,
      events: {
        welcome: () => {
          place.tries = 0;
          this.#tell(name, null);
        },
        over: (reason, isRefused) => {
          place.link = null;
          if (this.#isLeaving) return this.#overIfEmpty();
          this.#tell(name, { code: isRefused ? 'MACHINE_REFUSED' : 'LANE_LOST', reason });
          const delayMs = connectDelayMs * 2 ** place.tries;
          place.tries += 1;
          const waitMs = isRefused ? longestDelayMs : Math.min(delayMs, longestDelayMs);
          place.cancelWait = this.#options.clock.after(waitMs, () => this.#connect(place));
        },
      },
    });
  }

  /** `lost`: why an engine is not connected; null: it is. */
  #tell(engine: string, lost: { readonly code: string; readonly reason: string } | null): void {
    const told = lost?.reason ?? '';
    if (this.#told.get(engine) === told) return;
    this.#told.set(engine, told);
    const { log } = this.#options;
    if (lost) log.warn('An engine is not connected.', { ...lost, engine });
    else log.info('Lanes are offered to an engine.', { engine });
  }

  #overIfEmpty(): void {
    if (this.#places.every(({ link }) => link === null)) this.#over.resolve();
  }
}
