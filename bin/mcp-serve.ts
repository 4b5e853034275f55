import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../core/base/clock.ts';
import { Approvals } from '../core/engine/approvals/approvals.ts';
import { askRun } from '../core/engine/ask.ts';
import { Explanations } from '../core/engine/explain/explanations.ts';
import { Reviews } from '../core/engine/store/reviews.ts';
import { submitOwn, submitRun } from '../core/engine/submit.ts';
import { Versions } from '../core/engine/versions/versions.ts';
import type { McpParts } from '../core/service/mcp/parts.ts';
import { serveOverStdio } from '../core/service/mcp/stdio.ts';
import { demandActive } from './active-tenant.ts';
import { withHost } from './call-host.ts';
import { bookZone, type Call, exit } from './command.ts';
import { type Executor, newExecutor } from './follow.ts';
import type { Host } from './host.ts';
import { agentsOf } from './parts/agents-of.ts';
import { mcpOf } from './parts/mcp-of.ts';

/** Between looks at whether another process still serves the database. */
const checkMs = 2_000;

/**
 * `tutti mcp serve`: serves the program that has started this process over standard input and output, which hold the protocol and
 * nothing else. Runs go on in the process that serves the database or, when there is none, in this one.
 */
export function serveMcp(call: Call, scale: number): Promise<number> {
  return withHost(call, async (host) => {
    await host.telemetry.log.open();
    const { tenantId, sample } = await host.sampleTenant(scale);
    const closing = new AbortController();
    const end = () => closing.abort();
    call.interrupt.signal.addEventListener('abort', end, { once: true });
    const executor = newExecutor(host);
    const tending = tend(host, executor, closing.signal);
    const parts = partsOf(host, executor, {
      ...{ tenantId, closing: closing.signal },
      runDefaults: () => ({ businessDate: sample.asOf, timeZone: bookZone }),
    });
    const pipe = { input: process.stdin, output: process.stdout };
    try {
      await Promise.race([serveOverStdio(parts, pipe), executor.failed]);
    } finally {
      end();
      await tending;
    }
    return call.interrupt.exitCode() ?? exit.done;
  });
}

/** Starts an engine here whenever no other process has one. */
async function tend(host: Host, executor: Executor, closing: AbortSignal): Promise<void> {
  while (!closing.aborted && !executor.engine) {
    try {
      if (!(await host.isServed())) await executor.start();
    } catch (error) {
      host.telemetry.log.error('No engine could be started here.', { error });
    }
    await sleep(checkMs, undefined, { signal: closing }).catch(() => {});
  }
}

function partsOf(
  host: Host,
  executor: Executor,
  given: Pick<McpParts, 'tenantId' | 'closing' | 'runDefaults'>,
): McpParts {
  const pool = host.database.pool('tutti_engine', 2);
  const { store, registry } = host;
  const elsewhere = leavingTo(host);
  const engine = () => executor.engine ?? elsewhere;
  return {
    ...mcpOf(host, async (own) => {
      await demandActive(pool, given.tenantId);
      return engine().startOwn(own);
    }),
    ...{
      ...given,
      registry,
      clock: systemClock,
      onError: (error) => host.telemetry.log.error('A call has failed.', { error }),
    },
    engine: {
      async startRun(request) {
        await demandActive(pool, given.tenantId);
        return engine().startRun(request);
      },
      ask: (ask) => engine().ask(ask),
      explain: (ask) => engine().explain(ask),
      onAppend: (follower) => engine().onAppend(follower),
    },
    history: host.history,
    agents: agentsOf(host),
    approvals: new Approvals(pool, host.config.roles),
    reviews: new Reviews(pool),
    versions: new Versions(store.definitions, registry),
  };
}

/** Leaves everything for the engine of another process, and hears of its runs by looking. */
function leavingTo(host: Host): McpParts['engine'] & Pick<McpParts, 'startOwn'> {
  const { store, registry } = host;
  const explanations = new Explanations({ ...host, pool: host.database.pool('tutti_engine', 1) });
  return {
    startRun: (request) => submitRun(store, registry, request),
    startOwn: (own) => submitOwn(store, registry, own),
    ask: (ask) => askRun(host, ask),
    explain: (ask) => explanations.explain(ask),
    onAppend: () => () => {},
  };
}
