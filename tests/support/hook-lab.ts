import { createHmac } from 'node:crypto';
import { Metrics } from '../../core/base/telemetry/metrics.ts';
import { goalSql } from '../../core/engine/run/goal.ts';
import type { RunRequest } from '../../core/engine/store/store.ts';
import type { Connector } from '../../core/ports/erp/connector.ts';
import { compileHooks } from '../../core/service/hooks/compile.ts';
import { FiringStore } from '../../core/service/hooks/firing-store.ts';
import { type FiringParts, Firings } from '../../core/service/hooks/firings.ts';
import { HookStore } from '../../core/service/hooks/hook-store.ts';
import { Intake } from '../../core/service/hooks/intake.ts';
import { Listeners } from '../../core/service/hooks/listeners.ts';
import type { ReceivedEvent } from '../../core/service/hooks/received.ts';
import { Sweeps } from '../../core/service/hooks/sweeps.ts';
import { openTestEngine, type TestEngine } from './engine.ts';
import { FakeClock } from './fixtures/clock.ts';
import { horizon } from './horizon.ts';

const config = new URL('./fixtures/hooks.config.ts', import.meta.url);

/** Secrets of the fixture's sources. */
export const hookSecrets = {
  HOOK_KEY: 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
  HOOK_OLD_KEY: 'whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=',
  FRAPPE_SECRET: 'frappe-secret-0123456789',
  ODOO_TOKEN: 'odoo-token-0123456789',
  GENERIC_SECRET: 'generic-secret-0123456789',
} as const;

/** A whole Tutti with tickets, and hooks that fire when a test says so. */
export interface HookLab {
  readonly tutti: TestEngine;
  readonly tenantId: number;
  readonly clock: FakeClock;
  readonly erp: Connector;
  readonly intake: Intake;
  readonly firings: Firings;
  readonly store: HookStore;
  /** What was counted. */
  readonly metrics: Metrics;
  /** Another process's firings, over the same database; `change` replaces its parts. */
  firingsWith(change: Partial<FiringParts>): Firings;
  /** Writes a ticket; returns its version. */
  write(
    id: string | null,
    data: object,
  ): Promise<{ readonly id: string; readonly version: string }>;
  act(id: string, action: 'open' | 'close'): Promise<string>;
  /** Sweeps what is due; returns how many changes nobody had told of. */
  sweep(): Promise<number>;
  /** Fires what is due after `ms`, and waits until all runs have ended. */
  settle(ms?: number): Promise<void>;
  runs(): Promise<readonly HookRun[]>;
  close(context?: Mocha.Context): Promise<void>;
}

/** A run that a hook has started. */
export interface HookRun {
  readonly id: string;
  readonly workflow: string;
  readonly status: string;
  readonly actor: string;
  readonly company: string | null;
  readonly input: unknown;
  readonly goal: string | null;
}

let writes = 0;

/** Opens a lab of its own; or one of another tenant of a Tutti that is there: of those one is used after the other. */
export async function openHookLab(slug = 'ours', there?: TestEngine): Promise<HookLab> {
  const tutti = there ?? (await openTestEngine(config));
  const { host, engine } = tutti;
  const tenantId = await host.store.tenant(slug);
  const pool = host.database.pool('tutti_engine', 6);
  const clock = new FakeClock();
  const erp = host.connector(tenantId);
  const listeners = new Listeners(host.registry.hooks);
  const metrics = new Metrics();
  const parts: FiringParts = {
    metrics,
    store: new FiringStore(pool),
    hooks: compileHooks(host.registry),
    connector: (tenant) => host.connector(tenant),
    startRun: (request: RunRequest) => engine.startRun(request),
    dayOf: async () => ({ businessDate: '2026-06-30', timeZone: 'UTC' }),
    clock,
    onError: (error) => {
      throw error;
    },
  };
  const intake = new Intake({ pool, listeners, clock, metrics });
  const firings = new Firings(parts);
  const sweeps = new Sweeps({
    ...{ pool, clock, entities: listeners.entities },
    tenants: async () => [tenantId],
    connector: (tenant) => host.connector(tenant),
    record: (delivery) => intake.record(delivery),
  });
  const runs = async (): Promise<readonly HookRun[]> => {
    const { rows } = await pool.query<HookRun>(
      `SELECT r.id, r.workflow, r.status, r.actor->>'id' AS actor, r.company, convert_from(p.body, 'UTF8')::jsonb AS input, ${goalSql} AS goal FROM tutti.run r
       JOIN tutti.payload p ON p.tenant_id = r.tenant_id AND p.run_id = r.id AND p.seq = 1 AND p.part = 0 WHERE r.tenant_id = $1 ORDER BY r.id`,
      [tenantId],
    );
    return rows;
  };
  const apply = async (command: Parameters<Connector['apply']>[0]) => {
    writes += 1;
    const outcome = await erp.apply(command, { key: `write ${writes}` });
    if (outcome.kind !== 'applied') throw new Error(JSON.stringify(outcome));
    return outcome;
  };
  return {
    ...{ tutti, tenantId, clock, erp, intake, firings, metrics, runs },
    store: new HookStore(pool, host.registry.hooks, { clock }),
    firingsWith: (change) => new Firings({ ...parts, ...change }),
    write: (id, data) =>
      apply(
        id === null
          ? { entity: 'ticket', op: 'create', data: { ...aTicket, ...data } }
          : { entity: 'ticket', op: 'update', id, data: { ...data } },
      ),
    act: async (id, action) =>
      (await apply({ entity: 'ticket', op: 'act', id, action, data: {} })).version,
    async sweep() {
      await horizon(pool);
      return await sweeps.sweepDue();
    },
    async settle(ms = 1_000) {
      clock.pass(ms);
      await firings.fireDue();
      for (const { id, status } of await runs()) if (!isEnd(status)) await engine.whenEnded(id);
    },
    close: (context) => tutti.close(context),
  };
}

const isEnd = (status: string): boolean =>
  ['succeeded', 'partial', 'failed', 'cancelled'].includes(status);

const aTicket = { code: 'T', status: 'new', company: 'DE', rank: 0 };

/** An event about a ticket, as a source would tell it. */
export function aTold(id: string, fields: Partial<ReceivedEvent> = {}): ReceivedEvent {
  return {
    ...{ key: `${id} ${fields.version ?? ''}`, type: 'changed', entity: 'ticket', recordId: id },
    ...{ version: null, time: null, data: null, ...fields },
  };
}

/** Headers of Standard Webhooks for a body, as a sender of its own would make them. */
export function signed(
  body: string,
  of: { readonly id: string; readonly seconds: number; readonly secret: string },
): Record<string, string> {
  const key = Buffer.from(of.secret.replace('whsec_', ''), 'base64');
  const mac = createHmac('sha256', key).update(`${of.id}.${of.seconds}.${body}`).digest('base64');
  return {
    'content-type': 'application/json',
    'webhook-id': of.id,
    'webhook-timestamp': String(of.seconds),
    'webhook-signature': `v1,${mac}`,
  };
}
