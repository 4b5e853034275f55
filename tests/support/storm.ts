import { setTimeout as wait } from 'node:timers/promises';
import { requestOf } from './engine.ts';
import { queryAll } from './rows.ts';
import { itemsOf, lookTool, openWindowLab } from './window-lab.ts';
import { type CallCounted, type Mood, startWindowServer } from './window-server.ts';

/** Calls of each agent's conversation. */
export const stormTurns = 2;

/** A provider that refuses everything, and then nothing that its limit allows. */
export interface Refusals {
  /** What the refusals come with. */
  readonly headers: NonNullable<Mood['headers']>;
  readonly stormMs: number;
  readonly agents: number;
  readonly perMinute: number;
  /** How long it is looked at afterwards. @default until all agents have ended */
  readonly untilMs?: number;
}

/** What the provider saw, on its own clock, and what became of the agents. */
export interface Weathered {
  readonly calls: readonly CallCounted[];
  /** When it stopped to refuse everything. */
  readonly endedAt: number;
  /** Of the run, when it has ended. */
  readonly status: string | null;
  /** Steps that failed, or needed a second attempt. */
  readonly failed: number;
  readonly ledger: readonly {
    readonly state: string;
    readonly calls: number;
    readonly isPaid: boolean;
  }[];
}

/** Agents that all begin in a storm, over HTTP and with the provider's SDK. */
export async function weatherStorm(refusals: Refusals): Promise<Weathered> {
  const { headers, stormMs, agents, perMinute, untilMs } = refusals;
  const allowance = { requestsPerMinute: perMinute };
  const server = await startWindowServer({ allowance, turns: stormTurns, tool: lookTool });
  const models = { standard: [{ model: 'first', baseUrl: server.baseUrl('openai') }] };
  const tutti = await openWindowLab({ models, modelLimits: { first: allowance } });
  try {
    const tenantId = await tutti.host.store.tenant('storm');
    await server.feel({ status: 429, headers });
    const input = { items: itemsOf('q', agents) };
    const request = requestOf('window.standard', { tenantId, input });
    const { id } = await tutti.engine.startRun(request);
    const ended = tutti.engine.whenEnded(id);
    await wait(stormMs);
    const endedAt = await server.feel({});
    const status = untilMs === undefined ? await ended : await wait(untilMs, null);
    const { database } = tutti.host;
    const [counted] = await queryAll<{ failed: number }>(
      database,
      `SELECT count(*) FILTER (WHERE status = 'failed' OR attempt > 1)::int AS failed FROM tutti.step WHERE run_id = $1 AND kind = 'task'`,
      [id],
    );
    const ledger = await queryAll<Weathered['ledger'][number]>(
      database,
      `SELECT state, count(*)::int AS calls, bool_or(cost_micro_usd > 0) AS "isPaid" FROM tutti.ledger WHERE run_id = $1 GROUP BY 1 ORDER BY 1`,
      [id],
    );
    const calls = await server.seen();
    return { calls, endedAt, status, failed: counted?.failed ?? -1, ledger };
  } finally {
    await tutti.close();
    await server.close();
  }
}
