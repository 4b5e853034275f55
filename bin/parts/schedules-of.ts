import { systemClock } from '../../core/base/clock.ts';
import { localMoment } from '../../core/base/zoned-time.ts';
import { askRun } from '../../core/engine/ask.ts';
import type { Engine } from '../../core/engine/engine.ts';
import { submitRun } from '../../core/engine/submit.ts';
import { ScheduleDesk } from '../../core/service/schedules/desk.ts';
import { lockedIn } from '../../core/service/schedules/locked.ts';
import type { ScheduleParts } from '../../core/service/schedules/parts.ts';
import { Schedules } from '../../core/service/schedules/schedules.ts';
import type { Call } from '../command.ts';
import type { Host } from '../host.ts';
import { say } from '../introduction.ts';
import { tenantsInUse } from '../tenants-in-use.ts';

/** Makes what fires the schedules that are loaded then, as long as the process serves: those of every tenant. */
export function schedulesOf(
  host: Host,
  engine: Engine,
  { tenantId, firesAfter }: { readonly tenantId: number; readonly firesAfter?: Promise<unknown> },
): () => Schedules {
  const parts = partsOf(host, engine);
  const make = (): Schedules =>
    new Schedules({
      ...parts,
      clock: systemClock,
      tenants: () => tenantsInUse(parts.pool, tenantId),
      ...(firesAfter !== undefined && { after: firesAfter }),
      onError: (error) => host.log.error('Schedules could not be looked at.', { error }),
    });
  return make;
}

/** Schedules for people and programs; without an engine of this process, runs are stored for another one. */
export function scheduleDeskOf(host: Host, engine: Engine | null): ScheduleDesk {
  return new ScheduleDesk(partsOf(host, engine));
}

/** Says what starts by itself next, as long as this process serves. */
export async function sayNextFirings(call: Call, host: Host, tenantId: number): Promise<void> {
  if (host.config.features?.schedules === false) return;
  const desk = scheduleDeskOf(host, null);
  const all = await desk.list(tenantId);
  const coming = all
    .flatMap(({ name, nextAt, paused, declaration }) =>
      nextAt && !paused ? [{ name, at: nextAt.getTime(), zone: desk.zoneOf(declaration) }] : [],
    )
    .sort((a, b) => a.at - b.at);
  const paused = all.filter((each) => each.paused !== null).length;
  if (all.length === 0) return;
  const [next] = coming;
  const first = next
    ? `'${next.name}' starts by itself at ${localMoment(next.at, next.zone)}, if this still serves`
    : 'nothing starts by itself';
  const rest = [
    ...(coming.length > 1 ? [`${coming.length - 1} more after that`] : []),
    ...(paused > 0 ? [`${paused} paused`] : []),
  ];
  say(call, 'Schedules', [first, ...rest, 'see: tutti schedule list'].join('; '));
}

function partsOf(host: Host, engine: Engine | null): ScheduleParts {
  const { store, inbox, registry } = host;
  const pool = host.database.pool('tutti_engine', 2);
  return {
    pool,
    registry,
    runs: {
      start: (request) => (engine ? engine.startRun(request) : submitRun(store, registry, request)),
      ask: (ask) => (engine ? engine.ask(ask) : askRun({ store, inbox }, ask)),
    },
    locked: lockedIn((tenantId) => host.connector(tenantId)),
    async now() {
      const { rows } = await pool.query<{ now: number }>(
        'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
      );
      return (rows[0] as { now: number }).now;
    },
  };
}
