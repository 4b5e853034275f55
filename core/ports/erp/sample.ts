import { EngineError } from '../../base/errors.ts';
import type { Sample, Truth } from '../../sdk/sample.ts';
import type { ErpRecord } from './connector.ts';
import { chanceOf } from './sample/chance.ts';
import { addLedger } from './sample/ledger.ts';
import { addOrganisation } from './sample/organisation.ts';
import { addTrade } from './sample/trade.ts';
import { startMaking, worldFor } from './sample/world.ts';

/** The business date of a sample company that names none. */
export const defaultAsOf = '2026-06-30';

/** What the sample company is made from: the same options give the same bytes. */
export interface SampleOptions {
  /** The modules' parts, in the order of `requires`; master data comes before them. */
  readonly samples: readonly Sample[];
  /** @default 1 */
  readonly seed?: number;
  /** A whole number from 1 (500 agents a night) to 20 (10,000). @default 1 */
  readonly scale?: number;
  /** @default 2026-06-30 */
  readonly asOf?: string;
  /** Gives every row another id, for tests that nothing depends on the order of ids. @default false */
  readonly renumber?: boolean;
  /** Puts each entity's rows in another order, for tests that nothing depends on it. @default false */
  readonly shuffle?: boolean;
}

/** A company in memory, and what a night must find in it. */
export interface GeneratedSample {
  /** By entity, in the order of insertion. */
  readonly rows: ReadonlyMap<string, readonly ErpRecord[]>;
  readonly truth: readonly Truth[];
  readonly asOf: string;
}

/**
 * Makes the sample company, Meridian Components Group: master data first, then each module's part. Pure.
 * @throws INPUT_INVALID for a scale or a date that cannot be
 */
export function generateSample(options: SampleOptions): GeneratedSample {
  const { samples, seed = 1, scale = 1, asOf = defaultAsOf } = options;
  if (!Number.isInteger(scale) || scale < 1 || scale > 20) {
    throw new EngineError('INPUT_INVALID', `scale is ${scale}; give a whole number from 1 to 20.`);
  }
  const making = startMaking({ asOf, scale, seed, renumber: options.renumber ?? false });
  for (const [stream, add] of [addOrganisation, addTrade, addLedger, ...samples].entries()) {
    add(worldFor(making, chanceOf(seed, stream + 1)));
  }
  if (!options.shuffle) return { rows: making.rows, truth: making.truth, asOf };
  const order = chanceOf(seed, 0);
  const rows = new Map(
    [...making.rows].map(([entity, each]) => [entity, order.shuffle(each)] as const),
  );
  return { rows, truth: making.truth, asOf };
}
