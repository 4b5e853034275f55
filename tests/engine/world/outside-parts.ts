import type { Clock } from '../../../core/base/clock.ts';
import type { Broker } from '../../../core/engine/limits/broker.ts';
import type { LoopParts } from '../../../core/engine/loop/loop-parts.ts';
import { ChildEnds } from '../../../core/engine/outside/child-ends.ts';
import { Children } from '../../../core/engine/outside/children.ts';
import { HandOvers } from '../../../core/engine/outside/hand-overs.ts';
import { Happenings } from '../../../core/engine/outside/happenings.ts';
import { readPending } from '../../../core/engine/outside/pending.ts';
import { SetAside } from '../../../core/engine/set-aside.ts';
import { Store } from '../../../core/engine/store/store.ts';
import type { Registry } from '../../../core/sdk/registry.ts';
import type { SimDatabase } from './database.ts';
import type { SimPool } from './pool.ts';
import { SimApprovals } from './questions.ts';

/** What an engine's steps ask outside of their run with: the real parts over the simulated database, but for what people are asked. */
export function outsideParts({
  database,
  pool: of,
  registry,
  budget,
  clock,
}: {
  readonly database: SimDatabase;
  readonly pool: SimPool;
  readonly registry: Registry;
  readonly budget: Broker['budget'];
  readonly clock: Clock;
}): NonNullable<LoopParts['outside']> {
  const { pool } = of;
  const store = new Store(pool);
  const ends = new ChildEnds(pool, new SetAside(clock, () => {}));
  return {
    pending: () => readPending(pool),
    approvals: new SimApprovals(database, of),
    applies: { submit: async () => {} },
    children: new Children({ pool, store, registry, ends, budget }),
    handOvers: new HandOvers({ pool, store, registry, ends, budget, started: () => {} }),
    happenings: new Happenings(() => nobody('asks an ERP what has happened'), clock),
    momentOf: () => nobody('waits for a moment of a calendar'),
  };
}

function nobody(does: string): never {
  throw new Error(`Nobody in this world ${does}.`);
}
