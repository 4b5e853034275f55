import type { Clock } from '../../base/clock.ts';
import type { Metrics } from '../../base/telemetry/metrics.ts';
import type { Agents } from '../../engine/agents/agents.ts';
import type { Approvals } from '../../engine/approvals/approvals.ts';
import type { Delegations } from '../../engine/approvals/delegations.ts';
import type { AuditLog } from '../../engine/audit/log.ts';
import type { StopStore } from '../../engine/authority/stop-store.ts';
import type { AuthorityViews } from '../../engine/authority/views.ts';
import type { Costs } from '../../engine/costs/costs.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Findings } from '../../engine/findings/findings.ts';
import type { History } from '../../engine/history/history.ts';
import type { StepContents } from '../../engine/history/step-contents.ts';
import type { Budgets } from '../../engine/limits/budgets.ts';
import type { LimitsView } from '../../engine/limits/limits-view.ts';
import type { ModuleDesk } from '../../engine/modules/module-desk.ts';
import type { Modules } from '../../engine/modules/modules.ts';
import type { Planner } from '../../engine/plan/planner.ts';
import type { Policies } from '../../engine/policies/policies.ts';
import type { SettingStore } from '../../engine/recovery/setting-store.ts';
import type { StatusReader } from '../../engine/status.ts';
import type { Reviews } from '../../engine/store/reviews.ts';
import type { Tasks } from '../../engine/tasks/tasks.ts';
import type { Tools } from '../../engine/tools/tools.ts';
import type { Undo } from '../../engine/undo/undo.ts';
import type { Versions } from '../../engine/versions/versions.ts';
import type { ApiConfig } from '../../ports/api/config.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { Identity } from '../identity/identity.ts';
import type { McpOptions } from '../mcp/parts.ts';
import type { ScheduleDesk } from '../schedules/desk.ts';
import type { Alone } from './alone.ts';
import type { ConsoleBundle } from './console.ts';
import type { HookDesk } from './routes/hooks.ts';
import type { McpDesk } from './routes/mcp-servers.ts';
import type { PoolStatus } from './routes/status.ts';
import type { WorkflowTemplate } from './routes/templates.ts';
import type { WebhookDesk } from './routes/webhooks.ts';

/** What the API is made of. */
export interface ApiParts {
  readonly history: History;
  readonly engine: Pick<
    Engine,
    'startRun' | 'retryRun' | 'ask' | 'explain' | 'trouble' | 'onAppend' | 'onDelta'
  >;
  readonly registry: Registry;
  /** Whom every caller speaks for, until callers have an identity. */
  readonly tenantId: number;
  /** What single steps worked on. @default none: there is no route for it */
  readonly contents?: StepContents;
  /** Effects and verdicts on them. @default none: there are no routes for them */
  readonly reviews?: Reviews;
  /** Takes back what runs did. @default none: there are no routes for it */
  readonly undo?: Undo;
  /** What people are asked, and what they say. @default none: there are no routes for it */
  readonly approvals?: Approvals;
  /** Who decides for whom. @default none: there are no routes for it */
  readonly delegations?: Delegations;
  /** What agents brought to light, over all runs. @default none: there are no routes for it */
  readonly findings?: Findings;
  /** The loaded modules. @default none: there are no routes for them */
  readonly modules?: Modules;
  /** Loads modules and takes them away. @default none: there are no routes for it */
  readonly moduleDesk?: ModuleDesk;
  /** What workflows of one's own can begin with. @default nothing */
  readonly templates?: () => readonly WorkflowTemplate[];
  /** What is stopped. @default none: there are no routes for it */
  readonly stops?: StopStore;
  /** What agents may do, and would have done. @default none: there are no routes for it */
  readonly authority?: AuthorityViews;
  /** What tools there are, and who may use them. @default none: there are no routes for them */
  readonly tools?: Tools;
  /** What can be changed while engines run. @default none: there are no routes for it */
  readonly settings?: SettingStore;
  /** Versions of workflows, and which of them is in force. @default none: there are no routes for them */
  readonly versions?: Versions;
  /** Says what runs would do, and binds runs to that. @default none: there is no route for it, and no run is bound */
  readonly planner?: Pick<Planner, 'plan' | 'bind'>;
  /** Single tasks for agents. @default none: there are no routes for them */
  readonly tasks?: Tasks;
  /** What people and keys have changed. @default none: there are no routes for it */
  readonly audit?: AuditLog;
  /** The agents that there are, and those that people make. @default none: there are no routes for them */
  readonly agents?: Agents;
  /** What agents may do, in versions. @default none: there are no routes for them */
  readonly policies?: Policies;
  /** The MCP servers that tools call. @default none: there are no routes for them */
  readonly mcpServers?: McpDesk | undefined;
  /** Hooks and ERP events. @default none: there are no routes for them, and nobody may post any */
  readonly hooks?: HookDesk;
  /** Who is told of what happens, and what was delivered. @default none: there are no routes for it */
  readonly webhooks?: WebhookDesk;
  /** When workflows start by themselves. @default none: there are no routes for it */
  readonly schedules?: ScheduleDesk;
  /** What models cost. @default none: there is no route for it */
  readonly costs?: Costs;
  /** What they may cost a day. @default none: there are no routes for it */
  readonly budgets?: Budgets;
  /** How much of its limits each model has used. @default none: there is no route for it */
  readonly limits?: (tenantId: number) => LimitsView | Promise<LimitsView>;
  /** Tells how the installation is. @default there is no route for it */
  readonly status?: StatusReader;
  /** What this process counts. @default there is no /metrics */
  readonly metrics?: Metrics;
  /** What this process's pool has done. @default nothing is told of it */
  readonly pool?: () => PoolStatus;
  /** Takes secrets out of what callers are told of failures. @default nothing is taken out */
  readonly scrub?: (text: string) => string;
  /** Serves other systems by the Model Context Protocol. @default none: there is no /mcp */
  readonly mcp?: McpOptions;
  /** Makes the HTML report of a run; it is shown without scripts. @default none: there are no report pages */
  readonly report?: (tenantId: number, runId: string) => Promise<string>;
  /** The web console as it is now. @default none: there is no /console */
  readonly console?: () => Promise<ConsoleBundle>;
  /** What a run gets that names no date or zone of its own. @default today in UTC */
  readonly runDefaults?: () => { readonly businessDate: string; readonly timeZone: string };
  /** Whose keys and tokens count. @default nobody's: this machine alone */
  readonly identity?: Identity;
  /** Who is let in, and how often. @default whoever is on this machine */
  readonly api?: Pick<ApiConfig, 'keysOnly' | 'proxies' | 'rates' | 'cors'>;
  /** Requests of one client whose rate is not configured. @default 600 */
  readonly requestsPerMinute?: number;
  /** Keeps changes with `If-Match` of one thing apart, so that of two with the same tag one is refused. @default they are not kept apart */
  readonly alone?: Alone;
  readonly clock?: Clock;
  /** Gets what callers are not told: failures inside. @default nobody */
  readonly onError?: (error: unknown) => void;
}

/** The same, complete. */
export type CompleteParts = Required<Omit<ApiParts, Optional>> &
  Pick<ApiParts, Optional> & {
    /** Whether callers of this machine need a key as well. */
    readonly keysOnly: boolean;
    /** Ends the streams when the server closes. */
    readonly closing: AbortSignal;
  };

type Optional =
  | 'alone'
  | 'status'
  | 'metrics'
  | 'pool'
  | 'scrub'
  | 'mcp'
  | 'identity'
  | 'planner'
  | 'versions'
  | 'report'
  | 'console'
  | 'contents'
  | 'reviews'
  | 'undo'
  | 'approvals'
  | 'delegations'
  | 'settings'
  | 'tools'
  | 'findings'
  | 'modules'
  | 'moduleDesk'
  | 'templates'
  | 'stops'
  | 'authority'
  | 'tasks'
  | 'agents'
  | 'policies'
  | 'audit'
  | 'mcpServers'
  | 'schedules'
  | 'hooks'
  | 'webhooks'
  | 'costs'
  | 'budgets'
  | 'limits';
