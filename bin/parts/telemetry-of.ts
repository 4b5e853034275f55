import type { Engine } from '../../core/engine/engine.ts';
import { StatusReader } from '../../core/engine/status.ts';
import type { PoolStatus } from '../../core/service/api/routes/status.ts';
import { watchGauges } from '../gauges.ts';
import type { Host } from '../host.ts';
import type { Reading } from '../reading.ts';
import { version } from '../version.ts';

/** A serving process's log and gauges. */
export function telemetryOf(host: Host, engine: Engine) {
  let end = (): void => {};
  return {
    async start(): Promise<void> {
      await host.telemetry.log.open();
      end = watchGauges(host.telemetry.metrics, { engine, database: host.database });
      host.telemetry.log.info('Serving.', { version });
    },
    async close(): Promise<void> {
      end();
      host.telemetry.log.info('Serving no more.');
    },
  };
}

/** Tells how the installation is. */
export function statusOf(from: Pick<Reading, 'database' | 'registry'>): StatusReader {
  const totalWorkflows = (): number => from.registry.workflows.size;
  return new StatusReader(from.database, { version, totalWorkflows });
}

/** What the pool of this process has done. */
export function poolOf({ mcp, registry }: Host, engine: Pick<Engine, 'vitals'>): PoolStatus {
  const { lanes: wanted, ready, zombies, ...health } = engine.vitals.lanes;
  const { least = wanted, most = wanted, apart = 0, machines } = health;
  const profiles = (mcp?.servers() ?? []).flatMap((server) => server.profiles);
  return {
    profiles: profiles.map(({ server, model, policy, calls, running }) => ({
      ...{ serverName: server, modelKey: model, policyId: policy },
      ...{ usageCount: calls, running },
    })),
    totalAgents: [...registry.agents.values()].filter((agent) => !agent.isTool).length,
    lanes: { wanted, least, most, ready, zombies, apart },
    ...(machines && { machines }),
  };
}
