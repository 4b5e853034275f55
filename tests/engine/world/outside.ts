import type { Usage } from '../../../core/ports/models/model.ts';
import type { SimDatabase } from './database.ts';

/** A model call as its provider saw it. */
export interface ProviderCall {
  /** Boot id of the engine that made it. */
  readonly boot: string;
  readonly model: string;
  readonly runId: string;
  readonly ref: number;
  /** When it left. */
  readonly madeAt: number;
  /** What it counts as. */
  usage: Usage;
  open: boolean;
}

/** What a provider said to an engine that heard it, about a model that it does not want to be asked for a while. */
export interface Trouble {
  readonly boot: string;
  readonly model: string;
  readonly kind: 'busy' | 'away' | 'used up';
  readonly at: number;
  /** No call before it. */
  readonly until: number;
}

/** Everything that an engine cannot take back: calls of models, and writes to an ERP that repeats whatever it is told twice. */
export class Outside {
  calls: ProviderCall[] = [];
  readonly troubles: Trouble[] = [];
  /** Calls that went to another model than they were permitted for. */
  readonly astray: string[] = [];
  /** How often each key's write was carried out. */
  readonly writes = new Map<string, number>();
  /** How often each thing that a step does was done, whatever its key: by run, without telling a retry from what it retries. */
  readonly deeds = new Map<string, number>();
  /** Writes whose intent was not durable when they were carried out. */
  readonly unannounced: string[] = [];
  readonly #database: SimDatabase;

  constructor(database: SimDatabase) {
    this.#database = database;
  }

  /** A call that never reached its provider. */
  forget(call: ProviderCall): void {
    this.calls = this.calls.filter((each) => each !== call);
  }

  write(key: string, { run, what }: { readonly run: string; readonly what: string }): void {
    const deed = `${this.#database.run(run).family} ${what}`;
    if (this.#database.effects.get(key)?.state !== 'started') this.unannounced.push(key);
    this.writes.set(key, (this.writes.get(key) ?? 0) + 1);
    this.deeds.set(deed, (this.deeds.get(deed) ?? 0) + 1);
  }
}
