import { Approvals } from '../core/engine/approvals/approvals.ts';
import { StopStore } from '../core/engine/authority/stop-store.ts';
import { Costs } from '../core/engine/costs.ts';
import type { Engine } from '../core/engine/engine.ts';
import { Budgets } from '../core/engine/limits/budgets.ts';
import { readLedgerLimits, withEngineLimits } from '../core/engine/limits/limits-view.ts';
import { SettingStore } from '../core/engine/recovery/setting-store.ts';
import { Reviews } from '../core/engine/run/reviews.ts';
import { Tools } from '../core/engine/tools/tools.ts';
import { Versions } from '../core/engine/versions/versions.ts';
import { createApp, type Listening, listen } from '../core/service/api/app.ts';
import { renderReport } from '../core/service/batch/report/page.ts';
import { agentsOf } from './agents-of.ts';
import { authorityOf } from './authority-of.ts';
import { bookZone, type Call } from './command.ts';
import type { Host } from './host.ts';
import { mcpDeskOf } from './mcp-desk-of.ts';
import { mcpOf } from './mcp-of.ts';
import { recordOf } from './outcome.ts';
import { tasksOf } from './tasks-of.ts';
import { undoOf } from './undo-of.ts';

/** The admin API's port when none is named. */
export const defaultPort = 4884;

/** @throws INPUT_INVALID */
export function portOf(call: Call): number {
  return call.args.integer('port', { from: 0, to: 65_535 }) ?? defaultPort;
}

/** Opens the admin API of this process's engine, with the report of every run. @throws PORT_TAKEN */
export async function openApi(
  host: Host,
  engine: Engine,
  options: { readonly tenantId: number; readonly businessDate: string; readonly port: number },
): Promise<Listening> {
  const { tenantId, businessDate, port } = options;
  const app = createApp({
    history: host.history,
    engine,
    registry: host.registry,
    planner: host.planner,
    versions: new Versions(host.store.definitions, host.registry),
    reviews: new Reviews(host.database.pool('tutti_engine', 1)),
    undo: undoOf(host),
    approvals: new Approvals(host.database.pool('tutti_engine', 1), host.config.roles),
    settings: new SettingStore(host.database, host),
    stops: new StopStore(host.database.pool('tutti_engine', 1), host.registry),
    authority: authorityOf(host),
    tools: new Tools(host.database, new SettingStore(host.database, host), host),
    tasks: tasksOf(host, {
      startOwn: (own) => engine.startOwn(own),
      hasModels: () => host.profiles !== null,
    }),
    agents: agentsOf(host),
    costs: new Costs(host.database),
    budgets: new Budgets(host.database, host),
    limits: async () => {
      const { modelLimits = {} } = host.config;
      const ledger = await readLedgerLimits(host.database, modelLimits, {
        now: new Date(),
        tenantId,
      });
      return withEngineLimits(ledger, engine.limits, tenantId);
    },
    mcpServers: mcpDeskOf(host),
    mcp: mcpOf(host, (own) => engine.startOwn(own)),
    tenantId,
    report: async (tenant, runId) => renderReport(await recordOf(host, tenant, runId)),
    runDefaults: () => ({ businessDate, timeZone: bookZone }),
    onError: (error) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    },
  });
  return listen(app, { port });
}
