import { itemsOf, lookTool, openWindowLab } from './window-lab.ts';
import {
  type Allowance,
  type CallCounted,
  mostInAnyMinute,
  startWindowServer,
} from './window-server.ts';

/** Agents of three turns on one account that enforces its limits itself. */
export interface AccountLoad {
  /** @default 600 */
  readonly agents?: number;
  readonly allowance: Required<Allowance>;
  /** Minutes pass so many times as fast, for engine and provider alike. */
  readonly times: number;
  readonly latencyMs: number;
}

const turns = 3;

/** What became of it. */
export interface LoadFigures {
  readonly status: string;
  readonly calls: number;
  readonly refused: number;
  /** The most in any minute, wherever it began. */
  readonly most: Required<Allowance>;
  readonly makespanMs: number;
  /** The whole minutes that the calls need at least, and one call. */
  readonly idealMs: number;
}

/** Runs it; all milliseconds are of the fast clock. */
export async function loadAccount({
  agents = 600,
  allowance,
  times,
  latencyMs,
}: AccountLoad): Promise<LoadFigures> {
  const minuteMs = 60_000 / times;
  const own = { allowance, minuteMs, latencyMs, turns, tool: lookTool };
  const server = await startWindowServer({ ...own, models: ['first'] });
  const baseUrl = server.baseUrl('openai');
  const models = { standard: [{ model: 'first', baseUrl }], deep: [{ model: 'opening', baseUrl }] };
  const lab = { models, modelLimits: { first: allowance }, threads: 2 };
  const tutti = await openWindowLab(lab, { times });
  try {
    const tenantId = await tutti.host.store.tenant('load');
    // Threads load what they call with: their first calls take longer to arrive than any later one.
    await tutti.run('window.deep', { tenantId, input: { items: itemsOf('o', 20) } });
    const began = performance.now();
    const input = { items: itemsOf('q', agents) };
    const { status } = await tutti.run('window.standard', { tenantId, input });
    const makespanMs = (performance.now() - began) * times;
    const calls = (await server.seen()).filter(({ model }) => model === 'first');
    const most = (of: (call: CallCounted) => number) => mostInAnyMinute(calls, minuteMs, of);
    const minutes = [
      wholeMinutes(calls, () => 1, allowance.requestsPerMinute),
      wholeMinutes(calls, ({ inputTokens }) => inputTokens, allowance.inputTokensPerMinute),
      wholeMinutes(calls, ({ outputTokens }) => outputTokens, allowance.outputTokensPerMinute),
    ];
    return {
      status,
      calls: calls.length,
      refused: calls.filter(({ status }) => status !== 200).length,
      most: {
        requestsPerMinute: most(() => 1),
        inputTokensPerMinute: most(({ inputTokens }) => inputTokens),
        outputTokensPerMinute: most(({ outputTokens }) => outputTokens),
        concurrency: Math.max(...calls.map(({ open }) => open)),
      },
      makespanMs: Math.round(makespanMs),
      idealMs: Math.max(...minutes) * 60_000 + latencyMs * times,
    };
  } finally {
    await tutti.close();
    await server.close();
  }
}

/** Minutes that have to pass before the last unit may go, if every minute is used in full from its first moment. */
function wholeMinutes(
  calls: readonly CallCounted[],
  of: (call: CallCounted) => number,
  limit: number,
): number {
  const all = calls.reduce((sum, call) => sum + of(call), 0);
  return Math.ceil(all / limit) - 1;
}
