import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { calendarFor } from '../../sdk/calendar/calendar.ts';
import { nextMoment } from '../../sdk/calendar/calendar-moment.ts';
import { ApplyRuns } from '../approvals/apply.ts';
import { Approvals } from '../approvals/approvals.ts';
import type { EngineParts } from '../engine-parts.ts';
import type { Broker } from '../limits/broker.ts';
import type { LoopParts } from '../loop/loop-parts.ts';
import { SetAside } from '../set-aside.ts';
import type { Store } from '../store/store.ts';
import type { Measures } from '../telemetry/measures.ts';
import { ChildEnds } from './child-ends.ts';
import { Children } from './children.ts';
import { HandOvers } from './hand-overs.ts';
import { Happenings } from './happenings.ts';
import { readPending } from './pending.ts';

/** What an engine works with beside its parts. */
interface Means {
  /** Acts as `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly store: Store;
  readonly budget: Broker['budget'];
  readonly clock: Clock;
  readonly measures: Pick<Measures, 'setAside'>;
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
  { pool, store, budget, clock, measures, started }: Means,
): NonNullable<LoopParts['outside']> {
  const aside = (what: string): SetAside =>
    new SetAside(clock, (id, error) => measures.setAside(what, id, error));
  const ends = new ChildEnds(pool, aside('runs that a run has started'));
  return {
    pending: () => readPending(pool),
    approvals: new Approvals(pool, config.roles),
    applies: new ApplyRuns({ pool, store, registry, aside: aside('what people have granted') }),
    children: new Children({ pool, store, registry, ends, budget }),
    handOvers: new HandOvers({ pool, store, registry, ends, budget, started }),
    happenings: new Happenings(connector, clock, freshness),
    momentOf: (company, moment, afterMs) =>
      nextMoment(calendarFor(registry.calendars, company), moment, afterMs),
  };
}
