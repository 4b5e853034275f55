import type { Clock } from '../../../core/base/clock.ts';
import type { Graph } from '../../../core/engine/graph/compiled.ts';
import type { RunFacts } from '../../../core/engine/run/facts.ts';
import type { SimDatabase } from './database.ts';
import type { SimEngine } from './engine.ts';
import type { Wallet } from './engine-world.ts';
import type { Setup } from './life.ts';
import type { Outside } from './outside.ts';

/** What those who watch a world see of it. */
export interface Seen {
  readonly clock: Clock;
  readonly database: SimDatabase;
  readonly outside: Outside;
  readonly setup: Setup;
  readonly wallet: Wallet;
  /** Everything that happened, in order. */
  readonly trace: readonly string[];
  /** The engine that owns the runs. */
  readonly engine: SimEngine;
  /** Engines that were taken over from and have not noticed. */
  readonly zombies: readonly SimEngine[];
  /** What other engines have spent, of every purse together. */
  readonly rivalSpent: number;
  /** What other engines have reserved, by tenant's purse. */
  readonly rivalReserved: ReadonlyMap<string, number>;
  readonly hasEnded: boolean;
  graphOf(runId: string): Graph;
  factsOf(runId: string): RunFacts;
  note(line: string): void;
}

/** Notes what breaks an invariant, by its number. Thrown after the event, so that nothing under test catches it. */
export type Accuse = (invariant: string, what: string) => void;

/** What a run is called where the world tells of it: the digits of its id that are its own. */
export function nameOfRun(id: string): string {
  return id.slice(-5).replace(/^0+(?=.)/, '');
}
