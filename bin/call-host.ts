import type { History } from '../core/engine/history/history.ts';
import { groupName } from '../core/service/batch/record.ts';
import { hostOptions, readingTenant } from './call-reading.ts';
import { askedScale, type Call, drainMsOf, exit } from './command.ts';
import { type Host, openHost } from './host.ts';

/** Opens the host of a call, lets `work` use it, and closes it whatever happens. */
export async function withHost<T>(call: Call, work: (host: Host) => Promise<T>): Promise<T> {
  const host = await openHost(hostOptions(call));
  call.interrupt.isStuck = () => host.zombies > 0;
  try {
    return await work(host);
  } finally {
    await host.close(drainMsOf(host.config));
  }
}

/** Opens the host of a call that changes what a tenant has set: the scale's, whoever ran last, or the sample company before any run. */
export async function withTenant(
  call: Call,
  work: (host: Host, tenantId: number) => Promise<void>,
): Promise<number> {
  const scale = askedScale(call.args);
  return withHost(call, async (host) => {
    const known = await readingTenant(host, { scale });
    await work(host, known ?? (await host.sampleTenant(scale ?? 1)).tenantId);
    return exit.done;
  });
}

/** The name of a tenant's group of companies. */
export async function readGroup(host: Host, tenantId: number): Promise<string> {
  const page = await host.connector(tenantId).query({ entity: 'company', filter: {}, limit: 100 });
  return groupName(page.rows.map((row) => String(row.name)));
}

/** How many agents the last run of a workflow had; 0 when there is none to compare with. */
export async function expectedAgents(
  history: History,
  run: { readonly tenantId: number; readonly workflow: string },
): Promise<number> {
  const heads = await history.runs(run.tenantId, { limit: 20 });
  const last = heads.find((head) => head.workflow === run.workflow && head.status === 'succeeded');
  return last ? (await history.summary(run.tenantId, last.id)).agents : 0;
}
