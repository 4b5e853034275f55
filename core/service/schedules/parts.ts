import type pg from 'pg';
import type { RunAsk } from '../../engine/ask.ts';
import type { RunRequest } from '../../engine/run/request.ts';
import type { Registry } from '../../sdk/registry.ts';

/** Does one of several things that are due; what it throws keeps nothing else from being done. @throws DB_* without a database */
export type Apart = (work: () => Promise<void>) => Promise<void>;

/** What schedules are made of. */
export interface ScheduleParts {
  /** Acts as `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly registry: Pick<Registry, 'schedules' | 'calendars'>;
  /** Stores runs, and asks them to end. */
  readonly runs: {
    start(request: RunRequest): Promise<{ readonly id: string }>;
    ask(ask: RunAsk): Promise<void>;
  };
  /**
   * Which business dates lie in a period that the ERP has locked since, of a company or of all. What it cannot find out is not locked:
   * the guard refuses to post there, whatever starts.
   */
  readonly locked: (ask: {
    readonly tenantId: number;
    readonly company: string | null;
    readonly dates: readonly string[];
  }) => Promise<ReadonlySet<string>>;
  /** The moment by which slots come due, ms since 1970: one for all engines, so the database's. */
  readonly now: () => Promise<number>;
}
