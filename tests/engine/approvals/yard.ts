import type pg from 'pg';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import type { Say } from '../../../core/engine/approvals/decide.ts';
import type { ApprovalView } from '../../../core/engine/approvals/view.ts';
import type { Actor, RunRequest } from '../../../core/engine/run/request.ts';
import { submitRun } from '../../../core/engine/submit.ts';
import { insertRows } from '../../../core/ports/erp/embedded/insert.ts';
import { booksDatabase } from '../../support/company.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import type { FreshDatabase } from '../../support/postgres.ts';

const config = new URL('../../support/fixtures/effects.config.ts', import.meta.url);

/** What a step or run is asked to do in the yard. */
export interface Order {
  readonly parcel: string;
  readonly reason?: string;
  readonly attended?: boolean;
  readonly actor?: Actor;
  readonly workflow?: 'hold' | 'seal';
}

/** An engine over the yard, which can be opened again with other settings, and what people and the ERP do meanwhile. */
export class Yard {
  readonly fresh: FreshDatabase;
  readonly pool: pg.Pool;
  #tutti: TestEngine;
  #settings: string;
  readonly tenantId: number;

  private constructor(parts: {
    readonly fresh: FreshDatabase;
    readonly tutti: TestEngine;
    readonly settings: string;
    readonly tenantId: number;
  }) {
    this.fresh = parts.fresh;
    this.#tutti = parts.tutti;
    this.#settings = parts.settings;
    this.tenantId = parts.tenantId;
    this.pool = parts.fresh.database.pool('tutti_engine', 8);
  }

  static async open(settings = ''): Promise<Yard> {
    const fresh = await booksDatabase();
    const tutti = await openTestEngine(config.href + settings, { fresh });
    return new Yard({ fresh, tutti, settings, tenantId: await tutti.host.store.tenant('yard') });
  }

  get tutti(): TestEngine {
    return this.#tutti;
  }

  get approvals(): Approvals {
    return new Approvals(this.pool, this.#tutti.host.config.roles);
  }

  /** The same installation, set otherwise; the runs go on, under the same engine where it is set so. */
  async set(settings = ''): Promise<void> {
    if (settings === this.#settings) return;
    await this.reopen(settings);
  }

  /** Another engine over the same installation; the runs go on. */
  async reopen(settings = ''): Promise<void> {
    await this.#tutti.close();
    this.#settings = settings;
    this.#tutti = await openTestEngine(config.href + settings, { fresh: this.fresh });
  }

  async close(context: Mocha.Context): Promise<void> {
    await this.#tutti.close();
    await this.fresh.drop(context);
  }

  async query<T extends object>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await this.pool.query<T>(text, [...values])).rows;
  }

  /** A parcel in the ERP; its id is its code. */
  async parcel(code: string): Promise<string> {
    const entities = [...this.#tutti.host.registry.entities.values()];
    const row = { id: code, code, weight: 5, note: 'plain', memo: 'soft', held: false };
    await this.fresh.database.admin((client) =>
      insertRows(client, { tenantId: this.tenantId, entities, rows: new Map([['parcel', [row]]]) }),
    );
    return code;
  }

  /** Somebody changes the parcel in the ERP. */
  async change(code: string, data: Readonly<globalThis.Record<string, unknown>>): Promise<void> {
    const connector = this.#tutti.host.connector(this.tenantId);
    const key = Buffer.from(`${code}${JSON.stringify(data)}`.padEnd(32, '.'))
      .toString('hex')
      .slice(0, 64);
    await connector.apply({ entity: 'parcel', op: 'update', id: code, data }, { key });
  }

  /** How often the ERP has been written to for a parcel, by its own record. */
  async slips(code: string): Promise<number> {
    const connector = this.#tutti.host.connector(this.tenantId);
    const filter = { parcel: { eq: code } };
    return (await connector.query({ entity: 'slip', filter, limit: 100 })).rows.length;
  }

  /** Ends the engine; what is stored is there for another. */
  async rest(): Promise<void> {
    await this.#tutti.engine.stop();
  }

  /** Starts a run, by another engine where one is given. */
  async start(order: Order, { engine }: Pick<TestEngine, 'engine'> = this.#tutti): Promise<string> {
    return (await engine.startRun(this.#requestOf(order))).id;
  }

  /** Stores a run for whichever engine comes. */
  async submit(order: Order): Promise<string> {
    await this.rest();
    const { store, registry } = this.#tutti.host;
    return (await submitRun(store, registry, this.#requestOf(order))).id;
  }

  #requestOf(order: Order): RunRequest {
    const { parcel, reason = 'late', attended = true, workflow = 'hold' } = order;
    const request = requestOf(workflow, { tenantId: this.tenantId, input: { parcel, reason } });
    const { actor = request.actor } = order;
    return { ...request, attended, actor };
  }

  /** Until its first step waits. */
  async waiting(runId: string): Promise<void> {
    await eventually(async () => {
      const steps = await this.#tutti.history.steps(this.tenantId, runId);
      return steps[0]?.status === 'waiting';
    });
  }

  /** Starts a run, and waits until people are asked. */
  async asked(order: Order): Promise<ApprovalView> {
    const runId = await this.start(order);
    return await this.question(runId);
  }

  question(runId: string): Promise<ApprovalView> {
    return eventually(async () => {
      const [found] = await this.approvals.list(this.tenantId, { runId, state: 'open', limit: 1 });
      return found;
    });
  }

  async say(id: string, person: string, more: Partial<Say> = {}): Promise<ApprovalView> {
    const { tenantId } = this;
    const say = { tenantId, id, person, decision: 'granted', via: 'test', ...more } as const;
    return await this.approvals.decide(say);
  }

  /** What a run came to, by its output. */
  async became(runId: string): Promise<string> {
    await eventually(async () => (await this.tutti.history.head(this.tenantId, runId)).endedAt);
    const [row] = await this.query<{ body: string | null; error: string | null }>(
      `SELECT (SELECT convert_from(p.body, 'UTF8') FROM tutti.entry e JOIN tutti.payload p ON p.run_id = e.run_id AND p.seq = e.seq
          WHERE e.run_id = $1 AND e.kind = 'run.ended') AS body,
         (SELECT coalesce(error->'details'->>'rule', error->>'code') FROM tutti.step WHERE run_id = $1 AND error IS NOT NULL LIMIT 1) AS error`,
      [runId],
    );
    if (row?.error) return row.error;
    return (JSON.parse(row?.body ?? '{}') as { became?: string }).became ?? '';
  }

  /** Says yes while no engine looks: nobody hears of it. */
  async grant({ id }: ApprovalView): Promise<void> {
    await this.query(
      `INSERT INTO tutti.approval_vote (tenant_id, approval_id, actor_id, decision, at, via) VALUES ($1, $2, 'anna', 'granted', now(), 'test')`,
      [this.tenantId, id],
    );
    await this.query(
      `UPDATE tutti.approval SET state = 'granted', closed_at = now() WHERE tenant_id = $1 AND id = $2`,
      [this.tenantId, id],
    );
  }

  /** Waits until a question is in a state, and says what its run of its own has come to, if it has one. */
  async settled(id: string, ...states: readonly string[]): Promise<ApprovalView> {
    return await eventually(async () => {
      const view = await this.approvals.find(this.tenantId, id);
      return states.includes(view.state) ? view : undefined;
    });
  }

  /** The run that carries a grant out, once it has ended. */
  async applied(id: string): Promise<string> {
    return await eventually(async () => {
      const [row] = await this.query<{ id: string }>(
        `SELECT r.id FROM tutti.run r WHERE r.tenant_id = $1 AND r.key = 'apply:' || $2::text AND r.ended_at IS NOT NULL`,
        [this.tenantId, id],
      );
      return row?.id;
    });
  }

  async questions(key: string): Promise<readonly string[]> {
    const rows = await this.query<{ state: string }>(
      `SELECT state FROM tutti.approval WHERE tenant_id = $1 AND effect_key = decode($2, 'hex') ORDER BY asked_at`,
      [this.tenantId, key],
    );
    return rows.map(({ state }) => state);
  }

  async effect(key: string): Promise<string | undefined> {
    const rows = await this.query<{ state: string }>(
      `SELECT state FROM tutti.effect WHERE tenant_id = $1 AND key = decode($2, 'hex')`,
      [this.tenantId, key],
    );
    return rows[0]?.state;
  }
}

/** The key of the effect that a question is about. */
export function keyOf({ effect }: ApprovalView): string {
  return effect?.key ?? '';
}
