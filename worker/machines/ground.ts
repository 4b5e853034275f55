/** What an engine and a machine must have in common, so that a step is the same wherever it runs. Plain data, without a secret. */
export interface Ground {
  /** Of Tutti. */
  readonly release: string;
  /** The journal format that this release writes. */
  readonly journal: number;
  /** Digest of what the configuration's agents and tools say, promise and do, and of what decides what they may. */
  readonly code: string;
  /** Digest of the models that can be called, with their keys' being there. */
  readonly models: string;
  /** Tells databases apart. */
  readonly database: string;
}

/** What a machine greets an engine with. */
export interface Greeting {
  readonly kind: 'greeting';
  /** The pools that it is of. */
  readonly pools: readonly string[];
  readonly ground: Ground;
}

/** How a machine's ground differs from an engine's, as one sentence with what to do; null: it does not. */
export function differenceOf(machine: Ground, engine: Ground): string | null {
  if (machine.release !== engine.release)
    return `It runs Tutti ${machine.release}, the engine ${engine.release}; give both the same release.`;
  if (machine.journal !== engine.journal)
    return `It knows journal ${machine.journal}, the engine writes ${engine.journal}; give both the same release.`;
  if (machine.code !== engine.code)
    return 'Its modules, or what its configuration allows agents, are not those of the engine; give both the same files, and restart the one that has the older.';
  if (machine.models !== engine.models)
    return 'It can call other models than the engine; set the same keys of providers in its environment.';
  if (machine.database !== engine.database)
    return "Its DATABASE_URL leads to another database than the engine's. An embedded one is of its machine alone: give the engine a server, by DATABASE_URL, that both reach.";
  return null;
}

/** Whether something that came over the wire is a greeting. */
export function isGreeting(message: unknown): message is Greeting {
  const { kind, pools, ground } = (message ?? {}) as Partial<Greeting>;
  const isListOfNames = Array.isArray(pools) && pools.every((pool) => typeof pool === 'string');
  return kind === 'greeting' && isListOfNames && typeof ground === 'object' && ground !== null;
}
