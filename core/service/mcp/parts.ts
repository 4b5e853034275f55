import type { Clock } from '../../base/clock.ts';
import type { Agents } from '../../engine/agents/agents.ts';
import type { Approvals } from '../../engine/approvals/approvals.ts';
import type { Engine } from '../../engine/engine.ts';
import type { History } from '../../engine/history/history.ts';
import type { Reviews } from '../../engine/store/reviews.ts';
import type { Versions } from '../../engine/versions/versions.ts';
import type { McpServe } from '../../ports/mcp/config.ts';
import type { Policy } from '../../sdk/policy/policy.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { RunRecord } from '../batch/record.ts';

/** What the MCP server needs beyond what the API has. */
export interface McpOptions {
  /** The release, as clients are told it. */
  readonly version: string;
  /** Starts a run of a workflow of Tutti's own, such as one call of a tool. */
  readonly startOwn: Engine['startOwn'];
  /** The policies that count for a tenant now. */
  readonly policies: (tenantId: number) => Promise<readonly Policy[]>;
  /** Everything that the journal says about a run. */
  readonly record: (tenantId: number, runId: string) => Promise<RunRecord>;
  /** Lets callers with tokens in. @default none: this machine alone */
  readonly serve?: McpServe;
}

/** What the MCP server is made of. */
export interface McpParts extends McpOptions {
  readonly history: History;
  readonly engine: Pick<Engine, 'startRun' | 'ask' | 'explain' | 'onAppend'>;
  readonly registry: Registry;
  /** Whom every caller speaks for. */
  readonly tenantId: number;
  /** @default there is no tool for them */
  readonly agents?: Agents;
  /** @default there are no tools for them */
  readonly approvals?: Approvals;
  /** @default there are no tools for them */
  readonly reviews?: Reviews;
  /** @default there are no tools for them */
  readonly versions?: Versions;
  readonly runDefaults: () => { readonly businessDate: string; readonly timeZone: string };
  readonly clock: Clock;
  /** Ends what waits when the server closes. */
  readonly closing: AbortSignal;
  /** Gets what callers are not told: failures inside. */
  readonly onError: (error: unknown) => void;
}
