import { simulateTurn } from '../../ports/models/simulated.ts';
import { moduleOf } from '../../sdk/qualified-name.ts';
import { Reservoir } from './reservoir.ts';

/** How an agent worked: with a model, by its playbook, or by that behind simulated calls. */
export type WorkMode = 'model' | 'playbook' | 'rehearsal';

/** What one turn took. */
export interface TurnSample {
  /** The model call. */
  readonly ms: number;
  /** Its tool calls, until the next turn was asked for; null: not known. */
  readonly thenMs: number | null;
  readonly input: number;
  readonly output: number;
  /** The request's size in UTF-8, which token limits are reserved by. @default not known */
  readonly bytes?: number;
}

/** What an attempt that succeeded took. */
export interface AttemptSample {
  /** `module.agent` */
  readonly agent: string;
  readonly mode: WorkMode;
  /** Those of this attempt, in order; none for a playbook. */
  readonly turns: readonly TurnSample[];
  /** Its time without a model: all of a playbook's. */
  readonly ownMs: number;
}

/** What an agent is expected to take. */
export interface ExpectedAttempt {
  readonly turns: readonly Required<TurnSample & { readonly thenMs: number }>[];
  readonly ownMs: number;
  /** Whose attempts say so: the agent's own, its module's, everybody's in this mode, or nobody's (`assumed`). */
  readonly source: 'agent' | 'module' | 'all' | 'assumed';
  /** How many attempts say so. */
  readonly samples: number;
}

/** Sizes of the two turns that are taken for granted: a round of tools and the answer. */
const assumedBytes = [
  { inputBytes: 8_000, outputBytes: 800 },
  { inputBytes: 12_000, outputBytes: 1_200 },
];

/**
 * What is taken for granted while nothing has been learned: two turns as a middle model is simulated (simulated.ts names its
 * sources), sizes and the playbook's time being assumptions of this project. The first attempt that ends replaces it.
 */
export const assumed: Pick<ExpectedAttempt, 'turns' | 'ownMs'> = {
  turns: assumedBytes.map((sizes) => {
    const { usage, latencyMs } = simulateTurn({ ...sizes, profile: 'standard' });
    const { input, output } = usage;
    return { ms: latencyMs, thenMs: 0, input, output, bytes: sizes.inputBytes };
  }),
  ownMs: 200,
};

/** From so many samples on an agent speaks for itself, rather than its module for it. */
const enough = 3;
/** Bytes of a token where a request's size is not known: English has about 4, JSON somewhat fewer. */
const assumedBytesPerToken = 4;
/** Turns are told apart up to this one; inputs grow from turn to turn. What comes later counts as the last. */
const positions = 8;

/**
 * What agents are expected to take, learned from attempts that succeeded: fed with the latest history when an engine starts and
 * with every end after that. In memory, O(1) a turn; each figure rests on the latest 64 values, outliers cut (reservoir.ts).
 */
export class Durations {
  readonly #pools = new Map<string, Pool>();

  learn(sample: AttemptSample): void {
    for (const { name } of poolsOf(sample)) {
      let pool = this.#pools.get(name);
      if (!pool) {
        pool = new Pool();
        this.#pools.set(name, pool);
      }
      pool.add(sample);
    }
  }

  /** What an attempt of `agent` (`module.agent`) is expected to take. */
  expected(agent: string, mode: WorkMode): ExpectedAttempt {
    const known = poolsOf({ agent, mode }).flatMap(({ name, source }) => {
      const pool = this.#pools.get(name);
      return pool ? [{ pool, source }] : [];
    });
    const best = known.find(({ pool }) => pool.count >= enough) ?? known[0];
    if (best) return { ...best.pool.expected(), source: best.source, samples: best.pool.count };
    const turns = mode === 'playbook' ? [] : assumed.turns;
    return { turns, ownMs: assumed.ownMs, source: 'assumed', samples: 0 };
  }
}

/** How long something under way will go on: at least a tenth of what was expected, for what is late is rarely just done. */
export function remainingMs(expectedMs: number, elapsedMs: number): number {
  return Math.max(expectedMs - elapsedMs, expectedMs / 10);
}

function poolsOf({ agent, mode }: Pick<AttemptSample, 'agent' | 'mode'>) {
  const module = moduleOf(agent);
  return [
    { name: `${mode} agent ${agent}`, source: 'agent' },
    { name: `${mode} module ${module}`, source: 'module' },
    { name: mode, source: 'all' },
  ] as const;
}

/** The turns that stand at one place of a conversation. */
interface Position {
  readonly ms: Reservoir;
  readonly thenMs: Reservoir;
  readonly input: Reservoir;
  readonly output: Reservoir;
  readonly bytes: Reservoir;
}

class Pool {
  readonly #turns = new Reservoir();
  readonly #ownMs = new Reservoir();
  readonly #positions: Position[] = [];
  count = 0;

  add({ turns, ownMs }: AttemptSample): void {
    this.count += 1;
    this.#turns.add(turns.length);
    this.#ownMs.add(ownMs);
    for (const [index, turn] of turns.entries()) {
      const at = Math.min(index, positions - 1);
      this.#positions[at] ??= newPosition();
      const position = this.#positions[at];
      position.ms.add(turn.ms);
      position.input.add(turn.input);
      position.output.add(turn.output);
      if (turn.bytes !== undefined) position.bytes.add(turn.bytes);
      if (turn.thenMs !== null) position.thenMs.add(turn.thenMs);
    }
  }

  expected(): Pick<ExpectedAttempt, 'turns' | 'ownMs'> {
    const count = Math.round(this.#turns.mean ?? 0);
    const turns =
      this.#positions.length === 0
        ? []
        : Array.from({ length: count }, (_, index) => {
            const last = this.#positions.length - 1;
            return expectedTurn(this.#positions[Math.min(index, last)] as Position);
          });
    return { turns, ownMs: this.#ownMs.mean ?? 0 };
  }
}

function expectedTurn({
  ms,
  thenMs,
  input,
  output,
  bytes,
}: Position): ExpectedAttempt['turns'][number] {
  const tokens = Math.round(input.mean ?? 0);
  return {
    ms: ms.mean ?? 0,
    thenMs: thenMs.mean ?? 0,
    input: tokens,
    output: Math.round(output.mean ?? 0),
    bytes: Math.round(bytes.mean ?? tokens * assumedBytesPerToken),
  };
}

function newPosition(): Position {
  return {
    ms: new Reservoir(),
    thenMs: new Reservoir(),
    input: new Reservoir(),
    output: new Reservoir(),
    bytes: new Reservoir(),
  };
}
