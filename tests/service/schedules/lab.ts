import assert from 'node:assert/strict';
import type pg from 'pg';
import {
  defineSchedule,
  defineWorkflow,
  eq,
  type Schedule,
  type ScheduleDeclaration,
  slotInput,
  z,
} from 'tutti';
import { goalSql } from '../../../core/engine/run/goal.ts';
import type { RunRequest } from '../../../core/engine/run/request.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { submitRun } from '../../../core/engine/submit.ts';
import { sharedEntities } from '../../../core/ports/erp/entities.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
import { readTenants } from '../../../core/service/identity/tenants.ts';
import { ScheduleDesk } from '../../../core/service/schedules/desk.ts';
import type { ScheduleParts } from '../../../core/service/schedules/parts.ts';
import { Schedules, type SchedulesParts } from '../../../core/service/schedules/schedules.ts';
import { calendars } from '../../../modules/calendars.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';

/** A workflow whose runs nobody takes up: the tests say when they end. */
const night = defineWorkflow({
  name: 'night',
  input: z.object({ deep: z.boolean().default(false), slot: slotInput.optional() }),
  graph: ({ input, gate }) => {
    gate({ id: 'deep', when: eq(input.deep, true) });
  },
});

/** A minute in milliseconds. */
export const minute = 60_000;
/** An hour in milliseconds. */
export const hour = 60 * minute;

/** A declaration that runs the workflow of the lab, every full hour of UTC unless it says otherwise. */
export function hourly(more: Partial<ScheduleDeclaration> = {}): Schedule {
  const when = { cron: '0 * * * *', timeZone: 'UTC' };
  return defineSchedule({ name: 'hourly', workflow: 'night', when, ...more });
}

/** What became of a slot, in a line: `05:00 overlap`, `06:00 fired`. */
export interface SeenRun {
  readonly id: string;
  readonly key: string;
  readonly business_date: string;
  readonly time_zone: string;
  readonly company: string | null;
  readonly actor: { readonly kind: string; readonly id: string };
  readonly goal: string | null;
  readonly input: { readonly slot?: z.output<typeof slotInput> };
}

/** What parts of one lab differ in. */
export interface PartOptions {
  readonly schedules?: readonly Schedule[];
  readonly clock?: FakeClock;
  readonly pool?: pg.Pool;
  /** @default the lab's own */
  readonly tenants?: SchedulesParts['tenants'];
  readonly start?: (request: RunRequest) => Promise<{ readonly id: string }>;
}

/** A database and service parts on it; moments pass when a test says so. */
export class ScheduleLab {
  readonly fresh: FreshDatabase;
  readonly pool: pg.Pool;
  readonly store: Store;
  readonly tenantId: number;
  /** The moment by which slots come due. */
  now = Date.parse('2026-07-06T00:30:00Z');
  /** Dates whose period is locked. */
  locked: ReadonlySet<string> = new Set();
  readonly cancelled: string[] = [];
  readonly errors: unknown[] = [];
  readonly #parts: Schedules[] = [];

  private constructor(fresh: FreshDatabase, tenantId: number) {
    this.fresh = fresh;
    this.pool = poolOf(fresh);
    this.store = new Store(this.pool);
    this.tenantId = tenantId;
  }

  static async open(fresh?: FreshDatabase): Promise<ScheduleLab> {
    const own = fresh ?? (await freshDatabase());
    labs += 1;
    const store = new Store(poolOf(own));
    return new ScheduleLab(own, await store.tenant(`lab-${labs}`));
  }

  /** A part that has started. */
  async part(options: PartOptions = {}): Promise<Schedules> {
    const part = new Schedules({
      ...this.parts(options),
      clock: options.clock ?? new FakeClock(this.now),
      tenants: options.tenants ?? (() => this.#own()),
      onError: (error) => this.errors.push(error),
    });
    this.#parts.push(part);
    await part.start();
    return part;
  }

  async #own() {
    return (await readTenants(this.pool)).filter(({ id }) => id === this.tenantId);
  }

  desk(options: PartOptions = {}): ScheduleDesk {
    return new ScheduleDesk(this.parts(options));
  }

  parts({ schedules = [hourly()], pool = this.pool, start }: PartOptions): ScheduleParts {
    const declared = { modules: [], workflows: [night], calendars, schedules };
    const registry = loadRegistry(declared, sharedEntities);
    const store = new Store(pool);
    return {
      pool,
      registry,
      runs: {
        start: start ?? ((request) => submitRun(store, registry, request)),
        ask: async ({ runId }) => void this.cancelled.push(runId),
      },
      locked: async ({ dates }) => new Set(dates.filter((date) => this.locked.has(date))),
      now: async () => this.now,
    };
  }

  /** Time goes by, with nobody looking until then; then all of them look. */
  async pass(ms: number, ...parts: readonly Schedules[]): Promise<void> {
    this.now += ms;
    await Promise.all(parts.map((part) => part.look()));
  }

  /** `05:00 fired`: what became of the slots of a schedule, in order. */
  async slots(name = 'hourly', tenantId = this.tenantId): Promise<readonly string[]> {
    const { rows } = await this.pool.query<{ told: string }>(
      `SELECT to_char(slot_at AT TIME ZONE 'UTC', 'HH24:MI') || ' ' || coalesce(reason, outcome, state) AS told
       FROM tutti.schedule_slot WHERE tenant_id = $1 AND schedule = $2 AND origin = 'schedule' ORDER BY slot_at`,
      [tenantId, name],
    );
    return rows.map(({ told }) => told);
  }

  /** All runs, in the order of their keys. */
  async runs(): Promise<readonly SeenRun[]> {
    const { rows } = await this.pool.query<SeenRun>(
      `SELECT r.id, r.key, r.business_date, r.time_zone, r.company, r.actor, convert_from(p.body, 'UTF8')::jsonb AS input, ${goalSql} AS goal
       FROM tutti.run r JOIN tutti.payload p ON p.tenant_id = r.tenant_id AND p.run_id = r.id AND p.seq = 1 AND p.part = 0
       WHERE r.tenant_id = $1 ORDER BY r.key`,
      [this.tenantId],
    );
    return rows;
  }

  /** Ends all runs that go on. */
  async end(status = 'succeeded', tenantId = this.tenantId): Promise<void> {
    await this.pool.query(
      'UPDATE tutti.run SET status = $2, ended_at = now() WHERE tenant_id = $1 AND ended_at IS NULL',
      [tenantId, status],
    );
  }

  /** Ends all parts that were started, and looks whether any of them had an error. */
  async rest(): Promise<void> {
    for (const part of this.#parts.splice(0)) await part.close();
    assert.deepEqual(this.errors.splice(0), []);
  }
}

/** Gives each test of a suite a lab of its own, all over one database. */
export function labOfEach(give: (lab: ScheduleLab) => void): void {
  let fresh: FreshDatabase;
  let lab: ScheduleLab;

  before(async () => {
    fresh = await freshDatabase();
  });
  beforeEach(async () => {
    lab = await ScheduleLab.open(fresh);
    give(lab);
  });
  afterEach(() => lab.rest());
  after(function () {
    return fresh.drop(this);
  });
}

let labs = 0;
const pools = new WeakMap<FreshDatabase, pg.Pool>();

/** The labs of one database follow one another over the same connections: a new one reads the catalogue anew. */
function poolOf(fresh: FreshDatabase): pg.Pool {
  const pool = pools.get(fresh) ?? fresh.database.pool('tutti_engine', 4);
  pools.set(fresh, pool);
  return pool;
}
