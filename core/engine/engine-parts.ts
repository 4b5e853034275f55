import type { Clock } from '../base/clock.ts';
import type { EngineError } from '../base/errors.ts';
import type { Log } from '../base/telemetry/log.ts';
import type { Metrics } from '../base/telemetry/metrics.ts';
import type { SpanIds } from '../base/telemetry/span-ids.ts';
import type { Config } from '../ports/config.ts';
import type { Database } from '../ports/db/database.ts';
import type { Dispatcher } from '../ports/dispatcher.ts';
import type { Connector } from '../ports/erp/connector.ts';
import type { Freshness } from '../ports/erp/freshness.ts';
import type { McpPool } from '../ports/mcp/pool.ts';
import type { Profiles } from '../ports/models/profiles.ts';
import type { Registry } from '../sdk/registry.ts';
import type { OpenBatches } from './batches/targets.ts';
import type { ModuleLoader } from './modules/module-loader.ts';

/** What an engine is made of. */
export interface EngineParts {
  readonly database: Database;
  readonly registry: Registry;
  readonly config: Config;
  readonly dispatcher: Dispatcher;
  /** Loads modules and takes them away while it runs. @default what is loaded stays */
  readonly modules?: Pick<ModuleLoader, 'tend' | 'present'>;
  /** Null: agents run their playbooks. */
  readonly profiles: Profiles | null;
  /** What rehearsals seem to call where there are no `profiles`. @default nothing */
  readonly rehearsed?: Profiles;
  /** The ERP of a tenant. */
  readonly connector: (tenantId: number) => Connector;
  /** Where it tells its threads of events that it hears from the ERP. @default nobody is told */
  readonly freshness?: Pick<Freshness, 'changed'>;
  /** The sessions with MCP servers; whoever hands it in closes it. @default none can be reached */
  readonly mcp?: Pick<McpPool, 'call'> | undefined;
  /** Opens the batches of a model's provider. @default no provider has any */
  readonly openBatches?: OpenBatches;
  readonly clock?: Clock;
  /** Where it counts what it does. @default its own, which nobody asks */
  readonly metrics?: Metrics;
  /** @default nobody reads one */
  readonly log?: Log | undefined;
  /** What the SDK of OpenTelemetry asks for the ids of spans. @default its own: other engines do not know them */
  readonly spanIds?: SpanIds | undefined;
  readonly version: string;
  /** Told once when the engine cannot go on; it has stopped by then. */
  readonly onFailure?: (error: EngineError) => void;
}
