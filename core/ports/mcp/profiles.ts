import type { Clock } from '../../base/clock.ts';

/** What calls are counted under. */
export interface Profile {
  readonly server: string;
  readonly model: string;
  readonly policy: string;
}

/** What has come of a profile's calls since this process began. */
export interface ProfileStatistics extends Profile {
  readonly calls: number;
  readonly failures: number;
  /** Under way, those that wait for their turn with them. */
  readonly running: number;
  /** Of all calls that have ended, milliseconds. */
  readonly totalMs: number;
  /** Sessions that were opened for it; the others it shared. */
  readonly sessions: number;
}

interface Counted {
  calls: number;
  failures: number;
  running: number;
  totalMs: number;
  sessions: number;
}

/** The profiles `(server, model, policy)`: made by the first who asks, shared by all who ask the same. */
export class Profiles {
  readonly #clock: Clock;
  readonly #counted = new Map<string, Counted & Profile>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In the order in which they were first asked for. */
  get statistics(): readonly ProfileStatistics[] {
    return [...this.#counted.values()].map((counted) => ({ ...counted }));
  }

  /** Counts one call; `onOpened` counts a session that was opened for it. */
  async count<T>(profile: Profile, call: (onOpened: () => void) => Promise<T>): Promise<T> {
    const counted = this.#of(profile);
    const begunAt = this.#clock.monotonic();
    counted.calls += 1;
    counted.running += 1;
    try {
      return await call(() => {
        counted.sessions += 1;
      });
    } catch (error) {
      counted.failures += 1;
      throw error;
    } finally {
      counted.running -= 1;
      counted.totalMs += this.#clock.monotonic() - begunAt;
    }
  }

  #of({ server, model, policy }: Profile): Counted {
    const key = JSON.stringify([server, model, policy]);
    const known = this.#counted.get(key);
    if (known) return known;
    const counts = { calls: 0, failures: 0, running: 0, totalMs: 0, sessions: 0 };
    const made = { server, model, policy, ...counts };
    this.#counted.set(key, made);
    return made;
  }
}
