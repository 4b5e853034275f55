import type { Ready } from './ready.ts';
import type { Scheduler } from './scheduler.ts';

type Place = Pick<Ready, 'run' | 'module'>;

/**
 * What refused follow-ups keep from new starts in one pass over the queue, by name (a model). Only who could have a slot keeps
 * something: when a later start of the same pass takes that slot, nothing is kept any longer, and who was passed over needs another
 * pass. Nothing else would bring it about: nothing is given back, and no time is awaited.
 */
export class Keepers<K extends Place> {
  readonly #byName = new Map<string, K[]>();
  /** Names for which somebody was passed over. */
  readonly #missed = new Set<string>();

  keep(name: string, keeper: K): void {
    const keepers = this.#byName.get(name);
    if (keepers) keepers.push(keeper);
    else this.#byName.set(name, [keeper]);
  }

  get isEmpty(): boolean {
    return this.#byName.size === 0;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** For whom something new is passed over, if for anybody. */
  passOver(name: string): K | undefined {
    const keeper = this.#byName.get(name)?.[0];
    if (keeper) this.#missed.add(name);
    return keeper;
  }

  /**
   * After a pass: drops those whose slots went to others. Returns whether somebody was passed over for nobody but them. Each true
   * takes a start in that pass, so passes come to an end.
   */
  drop(scheduler: Pick<Scheduler<Ready>, 'blocker'>): boolean {
    let isMissed = false;
    for (const [name, keepers] of this.#byName) {
      const left = keepers.filter((keeper) => !scheduler.blocker(keeper));
      if (left.length > 0) this.#byName.set(name, left);
      else {
        this.#byName.delete(name);
        isMissed ||= this.#missed.has(name);
      }
    }
    return isMissed;
  }
}
