import type pg from 'pg';
import { calendarFor } from '../sdk/calendar.ts';
import { nextMoment } from '../sdk/calendar-moment.ts';
import { ApplyRuns } from './approvals/apply.ts';
import { Approvals } from './approvals/approvals.ts';
import type { EngineParts } from './engine-parts.ts';
import type { Broker } from './limits/broker.ts';
import { Children } from './run/children.ts';
import { HandOvers } from './run/hand-overs.ts';
import { Happenings } from './run/happenings.ts';
import type { LoopParts } from './run/loop-parts.ts';
import { readPending } from './run/pending.ts';
import type { Store } from './run/store.ts';

/** What an engine works with beside its parts. */
interface Means {
  /** Acts as `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly store: Store;
  readonly budget: Broker['budget'];
  /** Runs wait to be taken up. */
  readonly started: () => void;
}

/** What steps ask that wait for something outside of their run. */
export function outsideOf(
  {
    registry,
    connector,
    config,
    freshness,
  }: Pick<EngineParts, 'registry' | 'connector' | 'config' | 'freshness'>,
  { pool, store, budget, started }: Means,
): NonNullable<LoopParts['outside']> {
  return {
    pending: () => readPending(pool),
    approvals: new Approvals(pool, config.roles),
    applies: new ApplyRuns({ pool, store, registry }),
    children: new Children({
      ...{ pool, store, registry },
      leftOf: (run) => budget.left(`run:${run.facts.id}`),
    }),
    handOvers: new HandOvers({ pool, store, registry, budget, started }),
    happenings: new Happenings(connector, freshness),
    momentOf: (company, moment, afterMs) =>
      nextMoment(calendarFor(registry.calendars, company), moment, afterMs),
  };
}
