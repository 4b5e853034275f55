import type { Clock } from '../../base/clock.ts';
import type { Agents } from '../../engine/agents/agents.ts';
import type { Approvals } from '../../engine/approvals/approvals.ts';
import type { StopStore } from '../../engine/authority/stop-store.ts';
import type { AuthorityViews } from '../../engine/authority/views.ts';
import type { Costs } from '../../engine/costs.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Budgets } from '../../engine/limits/budgets.ts';
import type { LimitsView } from '../../engine/limits/limits-view.ts';
import type { Planner } from '../../engine/plan/planner.ts';
import type { SettingStore } from '../../engine/recovery/setting-store.ts';
import type { History } from '../../engine/run/history.ts';
import type { Reviews } from '../../engine/run/reviews.ts';
import type { Tasks } from '../../engine/tasks/tasks.ts';
import type { Tools } from '../../engine/tools/tools.ts';
import type { Undo } from '../../engine/undo/undo.ts';
import type { Versions } from '../../engine/versions/versions.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { McpOptions } from '../mcp/parts.ts';
import type { McpDesk } from './routes/mcp-servers.ts';

/** What the API is made of. */
export interface ApiParts {
  readonly history: History;
  readonly engine: Pick<
    Engine,
    'startRun' | 'ask' | 'explain' | 'trouble' | 'onAppend' | 'onDelta'
  >;
  readonly registry: Registry;
  /** Whom every caller speaks for, until callers have an identity. */
  readonly tenantId: number;
  /** Effects and verdicts on them. @default none: there are no routes for them */
  readonly reviews?: Reviews;
  /** Takes back what runs did. @default none: there are no routes for it */
  readonly undo?: Undo;
  /** What people are asked, and what they say. @default none: there are no routes for it */
  readonly approvals?: Approvals;
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
  /** The agents that there are, and those that people make. @default none: there are no routes for them */
  readonly agents?: Agents;
  /** The MCP servers that tools call. @default none: there are no routes for them */
  readonly mcpServers?: McpDesk | undefined;
  /** What models cost. @default none: there is no route for it */
  readonly costs?: Costs;
  /** What they may cost a day. @default none: there are no routes for it */
  readonly budgets?: Budgets;
  /** How much of its limits each model has used. @default none: there is no route for it */
  readonly limits?: () => LimitsView | Promise<LimitsView>;
  /** Serves other systems by the Model Context Protocol. @default none: there is no /mcp */
  readonly mcp?: McpOptions;
  /** Makes the HTML report of a run; it is shown without scripts. @default none: there are no report pages */
  readonly report?: (tenantId: number, runId: string) => Promise<string>;
  /** What a run gets that names no date or zone of its own. @default today in UTC */
  readonly runDefaults?: () => { readonly businessDate: string; readonly timeZone: string };
  /** Requests of one client. @default 600 */
  readonly requestsPerMinute?: number;
  readonly clock?: Clock;
  /** Gets what callers are not told: failures inside. @default nobody */
  readonly onError?: (error: unknown) => void;
}

/** The same, complete. */
export type CompleteParts = Required<Omit<ApiParts, Optional>> &
  Pick<ApiParts, Optional> & {
    /** Ends the streams when the server closes. */
    readonly closing: AbortSignal;
  };

type Optional =
  | 'mcp'
  | 'planner'
  | 'versions'
  | 'report'
  | 'reviews'
  | 'undo'
  | 'approvals'
  | 'settings'
  | 'tools'
  | 'stops'
  | 'authority'
  | 'tasks'
  | 'agents'
  | 'mcpServers'
  | 'costs'
  | 'budgets'
  | 'limits';
