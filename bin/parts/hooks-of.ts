import { systemClock } from '../../core/base/clock.ts';
import { EngineError, toErrorData } from '../../core/base/errors.ts';
import { localDay } from '../../core/base/zoned-time.ts';
import type { Engine } from '../../core/engine/engine.ts';
import { settledRegistry } from '../../core/sdk/live-registry.ts';
import type { Registry } from '../../core/sdk/registry.ts';
import type { HookDesk } from '../../core/service/api/routes/hooks.ts';
import { compileHooks } from '../../core/service/hooks/compile.ts';
import { FiringStore } from '../../core/service/hooks/firing-store.ts';
import { Firings } from '../../core/service/hooks/firings.ts';
import { HookStore } from '../../core/service/hooks/hook-store.ts';
import { Intake } from '../../core/service/hooks/intake.ts';
import { Listeners } from '../../core/service/hooks/listeners.ts';
import { HookReceiver } from '../../core/service/hooks/receive.ts';
import { openSources, type Source } from '../../core/service/hooks/sources.ts';
import { Sweeps } from '../../core/service/hooks/sweeps.ts';
import { bookZone } from '../command.ts';
import type { Host } from '../host.ts';

/** Whom hooks serve by default, and what their runs take for today. */
interface HookOptions {
  readonly tenantId: number;
  /** Of that tenant's runs. @default today, in the company's time zone */
  readonly businessDate?: string | undefined;
}

type Ground = Pick<Host, 'database' | 'registry' | 'config'>;

/** The hooks and events of a process, for its API. @throws CONFIG_INVALID for a source that is not as it must be, or without its secret */
export function hookDeskOf(
  host: Ground & Pick<Host, 'env' | 'telemetry' | 'freshness'>,
  tenantId: number,
): HookDesk {
  const { database, registry, config, freshness } = host;
  const pool = database.pool('tutti_engine', 2);
  const clock = systemClock;
  const { metrics } = host.telemetry;
  const intake = whileLoaded(
    registry,
    ({ hooks }) => new Intake({ pool, listeners: new Listeners(hooks), clock, freshness, metrics }),
  );
  const store = whileLoaded(registry, ({ hooks }) => new HookStore(pool, hooks, { clock }));
  return {
    get store() {
      return store();
    },
    receiver: new HookReceiver({
      sources: openSources(config.hooks, host.env),
      tenantOf: (source) => tenantOf(database, source, tenantId),
      record: (delivery) => intake().record(delivery),
      clock,
      metrics,
    }),
  };
}

/** What is made of the hooks that are loaded, and anew when others are. */
function whileLoaded<T>(registry: Registry, make: (loaded: Registry) => T): () => T {
  let made: { readonly of: Registry; readonly what: T } | null = null;
  return () => {
    const of = settledRegistry(registry);
    if (made?.of !== of) made = { of, what: make(of) };
    return made.what;
  };
}

/** Hooks and events for whoever looks at them at a terminal. */
export function hookStoreOf({ database, registry }: Ground): HookStore {
  return new HookStore(database.pool('tutti_engine', 1), registry.hooks, { clock: systemClock });
}

/** Makes what fires the hooks that are loaded then, and looks for changes that no event told; a hook whose expressions do not fit is MODULE_INVALID then. */
export function hookPartsOf(
  host: Ground & Pick<Host, 'connector' | 'freshness' | 'log' | 'telemetry'>,
  engine: Pick<Engine, 'startRun'>,
  options: HookOptions,
): () => readonly (Firings | Sweeps)[] {
  const pool = host.database.pool('tutti_engine', 4);
  return () => makeHookParts(host, engine, { ...options, pool });
}

function makeHookParts(
  host: Ground & Pick<Host, 'connector' | 'freshness' | 'log' | 'telemetry'>,
  engine: Pick<Engine, 'startRun'>,
  { pool, ...options }: HookOptions & { readonly pool: ReturnType<Host['database']['pool']> },
): readonly (Firings | Sweeps)[] {
  const { registry, config, connector, freshness } = host;
  const clock = systemClock;
  const listeners = new Listeners(registry.hooks);
  const { keepDays, sweepMs } = config.hooks ?? {};
  const { metrics } = host.telemetry;
  const onError = (error: unknown): void => {
    const { code, message } = toErrorData(error);
    host.log.error('Hooks are not looked at just now.', { code, message });
  };
  const firings = new Firings({
    ...{ connector, clock, onError, metrics },
    store: new FiringStore(pool),
    hooks: compileHooks(registry),
    startRun: (request) => engine.startRun(request),
    dayOf: (tenantId, company) => dayOf(host, { tenantId, company }, options),
    ...(keepDays !== undefined && { keepDays }),
  });
  const onDue = (at: number): void => firings.wake(at);
  const intake = new Intake({ pool, listeners, clock, freshness, metrics, onDue });
  const sweeps = new Sweeps({
    ...{ pool, connector, clock, onError },
    entities: listeners.entities,
    tenants: async () => {
      const { rows } = await pool.query<{ readonly id: number }>(
        'SELECT id FROM tutti.tenant WHERE id <> 0 AND suspended_at IS NULL ORDER BY id',
      );
      return rows.map(({ id }) => id);
    },
    record: (delivery) => intake.record(delivery),
    ...(sweepMs !== undefined && { everyMs: sweepMs }),
  });
  return [firings, sweeps];
}

async function tenantOf(
  database: Host['database'],
  { name, tenant }: Source,
  own: number,
): Promise<number> {
  const tenants = database
    .kysely('tutti_engine')
    .selectFrom('tenant')
    .select(['id', 'suspendedAt']);
  const found = await (tenant === null
    ? tenants.where('id', '=', own)
    : tenants.where('slug', '=', tenant)
  ).executeTakeFirst();
  if (found && found.suspendedAt === null) return found.id;
  if (found) throw new EngineError('TENANT_SUSPENDED', 'This tenant is suspended.');
  throw new EngineError(
    'TENANT_UNKNOWN',
    `The tenant of source '${name}' is not there; make it, or change hooks.sources.${name}.tenant.`,
  );
}

/** Today where the company is; of the tenant that the process serves the business date that its other runs have, too. */
async function dayOf(
  { connector }: Pick<Host, 'connector'>,
  { tenantId, company }: { readonly tenantId: number; readonly company: string | null },
  options: HookOptions,
): Promise<{ readonly businessDate: string; readonly timeZone: string }> {
  if (tenantId === options.tenantId && options.businessDate !== undefined)
    return { businessDate: options.businessDate, timeZone: bookZone };
  const filter = company === null ? {} : { code: { eq: company } };
  const { rows } = await connector(tenantId).query({ entity: 'company', filter, limit: 1 });
  const timeZone = String(rows[0]?.timeZone ?? 'UTC');
  return { businessDate: localDay(systemClock.now(), timeZone), timeZone };
}
