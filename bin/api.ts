import { Approvals } from '../core/engine/approvals/approvals.ts';
import { Delegations } from '../core/engine/approvals/delegations.ts';
import { StopStore } from '../core/engine/authority/stop-store.ts';
import { Costs } from '../core/engine/costs/costs.ts';
import type { Engine } from '../core/engine/engine.ts';
import { Findings } from '../core/engine/findings/findings.ts';
import { StepContents } from '../core/engine/history/step-contents.ts';
import { Budgets } from '../core/engine/limits/budgets.ts';
import { readLedgerLimits, withEngineLimits } from '../core/engine/limits/limits-view.ts';
import { SettingStore } from '../core/engine/recovery/setting-store.ts';
import { Reviews } from '../core/engine/store/reviews.ts';
import { Tools } from '../core/engine/tools/tools.ts';
import { Versions } from '../core/engine/versions/versions.ts';
import { aloneBy } from '../core/service/api/alone.ts';
import { type ApiParts, createApp, type Listening, listen } from '../core/service/api/app.ts';
import { renderReport } from '../core/service/batch/report/page.ts';
import { bookZone, type Call } from './command.ts';
import type { Host } from './host.ts';
import { recordOf } from './outcome.ts';
import { agentsOf } from './parts/agents-of.ts';
import { authorityOf } from './parts/authority-of.ts';
import { consoleOf } from './parts/console-of.ts';
import { hookDeskOf } from './parts/hooks-of.ts';
import { identityOf } from './parts/identity-of.ts';
import { mcpDeskOf } from './parts/mcp-desk-of.ts';
import { mcpOf } from './parts/mcp-of.ts';
import { moduleDeskOf, modulesOf } from './parts/modules-of.ts';
import { policiesOf } from './parts/policies-of.ts';
import { scheduleDeskOf } from './parts/schedules-of.ts';
import { tasksOf } from './parts/tasks-of.ts';
import { poolOf, statusOf } from './parts/telemetry-of.ts';
import { undoOf } from './parts/undo-of.ts';
import { webhooksOf } from './parts/webhooks-of.ts';
import { defaultPort } from './usages/flags.ts';
import { workflowTemplates } from './workflow-templates.ts';

/** The port that a call names. @throws INPUT_INVALID */
export function portOf({ args }: Call): number | undefined {
  return args.integer('port', { from: 0, to: 65_535 });
}

/** Where a call wants the API to listen. @throws INPUT_INVALID */
export function listeningOf(call: Call): Pick<ApiOptions, 'port' | 'host'> {
  return { port: portOf(call), host: call.args.text('host') };
}

/** Whom an API serves, and where. */
export interface ApiOptions {
  readonly tenantId: number;
  readonly businessDate: string;
  /** @default as the configuration says, else 4884 */
  readonly port: number | undefined;
  /** @default as the configuration says */
  readonly host?: string | undefined;
}

/** Opens the admin API of this process's engine, with the report of every run. @throws PORT_TAKEN · CONFIG_INVALID */
export async function openApi(host: Host, engine: Engine, options: ApiOptions): Promise<Listening> {
  const app = createApp(apiPartsOf(host, engine, options));
  const address = options.host ?? host.config.api?.host;
  const port = options.port ?? host.config.api?.port ?? defaultPort;
  return listen(app, { port, ...(address !== undefined && { host: address }) });
}

/** Everything that the API of a process is made of. */
export function apiPartsOf(
  host: Host,
  engine: Engine,
  { tenantId, businessDate }: Pick<ApiOptions, 'tenantId' | 'businessDate'>,
): ApiParts {
  const { features = {} } = host.config;
  const { hooks: hasHooks = true, webhooks: hasWebhooks = true } = features;
  const { schedules: hasSchedules = true, mcpServer: hasMcpServer = true } = features;
  const { console: hasConsole = true } = features;
  return {
    identity: identityOf(host, tenantId),
    api: host.config.api ?? {},
    alone: aloneBy(host.database.pool('tutti_engine', 2)),
    history: host.history,
    engine,
    registry: host.registry,
    planner: host.planner,
    versions: new Versions(host.store.definitions, host.registry),
    contents: new StepContents(host),
    reviews: new Reviews(host.database.pool('tutti_engine', 1)),
    undo: undoOf(host),
    approvals: new Approvals(host.database.pool('tutti_engine', 1), host.config.roles),
    delegations: new Delegations(host.database.pool('tutti_engine', 1)),
    settings: new SettingStore(host.database, host),
    stops: new StopStore(host.database.pool('tutti_engine', 1), host.registry),
    findings: new Findings(host.database),
    modules: modulesOf(host),
    moduleDesk: moduleDeskOf(host, () => engine.lookAtModules()),
    templates: workflowTemplates,
    authority: authorityOf(host),
    audit: host.audit,
    tools: new Tools(host.database, new SettingStore(host.database, host), host),
    tasks: tasksOf(host, {
      startOwn: (own) => engine.startOwn(own),
      hasModels: () => host.profiles !== null,
    }),
    agents: agentsOf(host),
    policies: policiesOf(host),
    costs: new Costs(host.database),
    budgets: new Budgets(host.database, host),
    limits: async (tenant) => {
      const { modelLimits = {} } = host.config;
      const ledger = await readLedgerLimits(host.database, modelLimits, {
        now: new Date(),
        tenantId: tenant,
      });
      return withEngineLimits(ledger, engine.limits, tenant);
    },
    ...(hasHooks && { hooks: hookDeskOf(host, tenantId) }),
    ...(hasWebhooks && { webhooks: webhooksOf(host) }),
    ...(hasSchedules && { schedules: scheduleDeskOf(host, engine) }),
    mcpServers: mcpDeskOf(host),
    ...(hasMcpServer && { mcp: mcpOf(host, (own) => engine.startOwn(own)) }),
    ...(hasConsole && { console: consoleOf() }),
    tenantId,
    report: async (tenant, runId) => renderReport(await recordOf(host, tenant, runId)),
    runDefaults: () => ({ businessDate, timeZone: bookZone }),
    ...{
      metrics: host.telemetry.metrics,
      status: statusOf(host),
      pool: () => poolOf(host, engine),
    },
    scrub: (text) => host.telemetry.scrubber.text(text),
    onError: (error) => host.telemetry.log.error('A request has failed.', { error }),
  };
}
