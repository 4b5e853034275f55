import type pg from 'pg';
import { newId } from '../../core/base/ids.ts';
import { Metrics } from '../../core/base/telemetry/metrics.ts';
import { guardedFetch } from '../../core/ports/http/guarded-fetch.ts';
import { openSeal, type Seal } from '../../core/ports/seal.ts';
import { WebhookDeliveries } from '../../core/service/webhooks/deliveries.ts';
import { DeliveryLog } from '../../core/service/webhooks/delivery-log.ts';
import { type EndpointInput, egressOf, Webhooks } from '../../core/service/webhooks/endpoints.ts';
import { FakeClock } from './fixtures/clock.ts';
import { horizon } from './horizon.ts';
import { type FreshDatabase, freshDatabase } from './postgres.ts';
import type { WebhookReceiver } from './webhook-receiver.ts';

/** Who acts in these tests. */
export const tester = { kind: 'person', id: 'tester' } as const;

/** Deliveries over a real database, by a clock in the test's hand. */
export class WebhookLab {
  readonly fresh: FreshDatabase;
  readonly pool: pg.Pool;
  readonly clock = new FakeClock(Date.now());
  readonly errors: unknown[] = [];
  readonly log: DeliveryLog;
  /** What was counted since `stop`. */
  metrics = new Metrics();
  /** What secrets are sealed with, of parts that are made from now on. @default they are stored as they are */
  seal: Seal = openSeal({});
  #parts: WebhookDeliveries[] = [];

  constructor(fresh: FreshDatabase) {
    this.fresh = fresh;
    this.pool = fresh.database.pool('tutti_engine', 2);
    this.log = new DeliveryLog(this.pool, this.clock);
  }

  static async open(): Promise<WebhookLab> {
    return new WebhookLab(await freshDatabase());
  }

  /** The endpoints, where the receivers' own addresses are vouched for. */
  webhooks(...receivers: readonly WebhookReceiver[]): Webhooks {
    const config = { origins: receivers.map(({ origin }) => origin) };
    return new Webhooks({ pool: this.pool, clock: this.clock, config, seal: this.seal });
  }

  /** Makes an endpoint of tenant 1 at a receiver, which then knows its secret. */
  async add(receiver: WebhookReceiver, input: Partial<EndpointInput> = {}): Promise<string> {
    const whose = { tenantId: 1, actor: tester };
    await horizon(this.pool);
    const made = await this.webhooks(receiver).add(whose, { url: receiver.url, ...input });
    receiver.secrets.push(made.secret);
    return made.webhook.id;
  }

  /** Starts a part of its own, as an engine has it. */
  async start(
    receivers: readonly WebhookReceiver[],
    pool: pg.Pool = this.pool,
  ): Promise<WebhookDeliveries> {
    const part = new WebhookDeliveries({
      pool,
      clock: this.clock,
      fetch: guardedFetch(egressOf({ origins: receivers.map(({ origin }) => origin) })),
      onError: (error) => this.errors.push(error),
      seal: this.seal,
      metrics: this.metrics,
      chance: () => 0,
    });
    this.#parts.push(part);
    await part.start();
    return part;
  }

  /** Lets time pass and everything be done that it brings. */
  async pass(ms: number): Promise<void> {
    await this.settled();
    this.clock.pass(ms);
    await this.settled();
  }

  /** Lets seconds pass until a receiver has so many messages: what it waits for may be behind a transaction that is still open. */
  async told(receiver: WebhookReceiver, count = 1): Promise<void> {
    for (let second = 0; second < 30 && receiver.received.length < count; second += 1)
      await this.pass(1_000);
    await this.settled();
  }

  async settled(): Promise<void> {
    for (const part of this.#parts) await part.settled();
  }

  /** In `afterEach`. */
  async stop(): Promise<void> {
    for (const part of this.#parts.splice(0)) await part.close();
    for (const table of [
      'webhook',
      'delivery',
      'delivery_attempt',
      'webhook_secret',
      'webhook_place',
    ])
      await this.pool.query(`DELETE FROM tutti.${table}`);
    this.errors.length = 0;
    this.seal = openSeal({});
    this.metrics = new Metrics();
  }

  /** A run of tenant 1 that was accepted, as a store writes it; returns its id. */
  async run(workflow = 'nightly', company: string | null = null): Promise<string> {
    const id = newId();
    await this.pool.query(
      `WITH made AS (INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, company)
         VALUES (1, $1, $2, 1, '{}', 1, '2026-06-30', 'UTC', 'running', '{}', $3)),
       entries AS (INSERT INTO tutti.entry (tenant_id, run_id, seq, kind, data) VALUES (1, $1, 1, 'run.created', '{}'))
       INSERT INTO tutti.feed (tenant_id, run_id, from_seq, to_seq) VALUES (1, $1, 1, 1)`,
      [id, workflow, company],
    );
    await horizon(this.pool);
    return id;
  }

  /** More of its journal, in one flush. */
  async write(
    runId: string,
    from: number,
    entries: readonly (readonly [kind: string, data: object])[],
  ): Promise<void> {
    await this.pool.query(
      `WITH entries AS (INSERT INTO tutti.entry (tenant_id, run_id, seq, step, kind, data)
         SELECT 1, $1, $2::bigint + e.no - 1, CASE WHEN e.kind LIKE 'run.%' THEN NULL ELSE 0 END, e.kind, e.data
         FROM unnest($3::text[], $4::jsonb[]) WITH ORDINALITY AS e(kind, data, no))
       INSERT INTO tutti.feed (tenant_id, run_id, from_seq, to_seq) VALUES (1, $1, $2, $2::bigint + $5 - 1)`,
      [
        ...[runId, from, entries.map(([kind]) => kind)],
        ...[entries.map(([, data]) => JSON.stringify(data)), entries.length],
      ],
    );
    await horizon(this.pool);
  }
}
