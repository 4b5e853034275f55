import type { RegisteredHook } from '../../sdk/check-hook.ts';
import type { ReceivedEvent } from './received.ts';

/** Which hooks listen to which events. */
export class Listeners {
  readonly #hooks: readonly RegisteredHook[];

  constructor(hooks: ReadonlyMap<string, RegisteredHook>) {
    this.#hooks = [...hooks.values()];
  }

  /** Names of all hooks. */
  get names(): readonly string[] {
    return this.#hooks.map(({ name }) => name);
  }

  /** The entities of which every change counts: sweeps look for them. */
  get entities(): readonly string[] {
    const listened = this.#hooks.filter(({ hook }) => hook.types.length === 0);
    return [...new Set(listened.flatMap(({ hook }) => hook.entity ?? []))].sort();
  }

  /** Those that an event is for. What is about no record is for those only that ask for none. */
  of(event: Pick<ReceivedEvent, 'entity' | 'recordId' | 'type'>): readonly RegisteredHook[] {
    return this.#hooks.filter(({ hook: { entity, types } }) => {
      if (entity !== null && (entity !== event.entity || event.recordId === null)) return false;
      return types.length === 0 || (event.type !== null && types.includes(event.type));
    });
  }
}
