import { formatDuration } from '../../core/service/batch/format.ts';
import { listeningOf, openApi } from '../api.ts';
import { withHost } from '../call-host.ts';
import { type Call, type Command, drainMsOf, exit, scaleOf } from '../command.ts';
import { newExecutor } from '../follow.ts';
import type { Host } from '../host.ts';
import { introduce, openCompany, sayApi } from '../introduction.ts';
import { sayNextFirings } from '../parts/schedules-of.ts';
import { openService } from '../service.ts';

/** `tutti serve`: engine and admin API until a signal comes. */
export const serve: Command = (call) => {
  const asked = { ...listeningOf(call), scale: scaleOf(call.args) };
  return withHost(call, (host) => serveUntilSignal(call, host, asked));
};

async function serveUntilSignal(
  call: Call,
  host: Host,
  { scale, ...listening }: ReturnType<typeof listeningOf> & { readonly scale: number },
): Promise<number> {
  await introduce(call, host);
  const { tenantId, sample } = await openCompany(call, host, scale);
  const executor = newExecutor(host);
  const engine = await executor.start();
  const api = await openApi(host, engine, { tenantId, businessDate: sample.asOf, ...listening });
  const service = await openService(host, engine, { tenantId, businessDate: sample.asOf });
  try {
    await sayApi(call, host, { url: api.url, tenantId });
    await sayNextFirings(call, host, tenantId);
    call.terminal.say('Serving until Ctrl-C.');
    await Promise.race([call.interrupt.came, executor.failed]);
    call.terminal.say(
      `Ending: nothing new starts, what runs gets up to ${formatDuration(drainMsOf(host.config))} to end, and what was done is recorded. Ctrl-C again ends at once.`,
    );
    return exit.done;
  } finally {
    await service.close();
    await api.close();
  }
}
