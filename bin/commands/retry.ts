import { retryRun } from '../../core/engine/retry.ts';
import { demandActive } from '../active-tenant.ts';
import { withHost } from '../call-host.ts';
import { readingTenant } from '../call-reading.ts';
import { type Call, type Command, exitCodeOf } from '../command.ts';
import { seeToItsEnd } from '../follow.ts';
import type { Host } from '../host.ts';
import { actorOfCall } from '../operator.ts';
import { printSummary, recordOf, writeReport } from '../outcome.ts';

/** `tutti retry RUN`: the failed steps of a run again, seen to their end. */
export const retry: Command = (call) => withHost(call, (host) => retryOnce(call, host));

async function retryOnce(call: Call, host: Host): Promise<number> {
  const { args, terminal } = call;
  const runId = args.positionals[0] as string;
  const key = args.text('key');
  const tenantId = (await readingTenant(host, { runId })) as number;
  await demandActive(host.database.pool('tutti_engine', 1), tenantId);
  const { id, isNew, workflow } = await retryRun(
    { pool: host.database.pool('tutti_engine', 1), store: host.store, registry: host.registry },
    {
      ...{ tenantId, runId, actor: actorOfCall(call) },
      ...(key !== undefined && { key }),
    },
  );
  terminal.say(
    isNew
      ? `Run ${id} of '${workflow}' retries run ${runId}.`
      : `Key '${key}' has run ${id} already; waiting for its end.`,
  );
  const status = await seeToItsEnd(call, host, { tenantId, runId: id, workflow });
  if (status === null) return call.interrupt.exitCode() ?? 1;
  const record = await recordOf(host, tenantId, id);
  const path = args.text('report');
  if (path !== undefined) terminal.say(`Report: ${await writeReport(record, path)}`);
  if (terminal.isJson) terminal.print(record.summary);
  else printSummary(terminal, record);
  return exitCodeOf(status);
}
