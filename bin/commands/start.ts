import { isTerminal } from '../../core/engine/run/states.ts';
import type { RunRequest } from '../../core/engine/store/store.ts';
import { submitRun } from '../../core/engine/submit.ts';
import type { Listening } from '../../core/service/api/app.ts';
import { demandActive } from '../active-tenant.ts';
import { listeningOf, openApi } from '../api.ts';
import { withHost } from '../call-host.ts';
import { bookZone, type Call, type Command, exit, exitCodeOf, scaleOf } from '../command.ts';
import { type Executor, findExecutor, follow, sayInterrupted } from '../follow.ts';
import type { Host } from '../host.ts';
import { introduce, openCompany, say, sayApi } from '../introduction.ts';
import { operator } from '../operator.ts';
import { printSummary, recordOf, writeReport } from '../outcome.ts';
import { sayNextFirings } from '../parts/schedules-of.ts';
import { openService } from '../service.ts';
import { startedWorkflow } from '../usages/work.ts';

/** `tutti start`: the night of the sample company, its report, and then the admin API until Ctrl-C. */
export const start: Command = (call) => {
  const asked = { ...listeningOf(call), scale: scaleOf(call.args) };
  return withHost(call, (host) => startNight(call, host, asked));
};

async function startNight(
  call: Call,
  host: Host,
  { scale, ...listening }: ReturnType<typeof listeningOf> & { readonly scale: number },
): Promise<number> {
  await introduce(call, host);
  const { tenantId, sample } = await openCompany(call, host, scale);
  if (call.interrupt.signal.aborted) return call.interrupt.exitCode() ?? exit.failed;
  await demandActive(host.database.pool('tutti_engine', 1), tenantId);
  const executor = await findExecutor(host);
  const company: Company = { tenantId, businessDate: sample.asOf };
  const isServing = executor.engine !== null && !call.args.has('exit');
  const api = isServing
    ? await openApi(host, executor.engine as NonNullable<Executor['engine']>, {
        ...company,
        ...listening,
      })
    : null;
  // While somebody watches this night, no other begins beside it.
  const night = Promise.withResolvers<void>();
  const options = { ...company, firesAfter: night.promise };
  const service = api && executor.engine ? await openService(host, executor.engine, options) : null;
  try {
    if (api) await sayApi(call, host, { url: api.url, tenantId });
    else if (!executor.engine)
      say(
        call,
        'API',
        'served by the process that runs this database already; it runs the night, too',
      );
    const status = await runNight(call, host, { company, executor });
    if (status === null) return call.interrupt.exitCode() ?? exit.failed;
    night.resolve();
    if (api) {
      await sayNextFirings(call, host, tenantId);
      await serveOn(call, api, executor);
    }
    return exitCodeOf(status);
  } finally {
    await service?.close();
    await api?.close();
  }
}

interface Company {
  readonly tenantId: number;
  readonly businessDate: string;
}

async function runNight(
  call: Call,
  host: Host,
  { company, executor }: { readonly company: Company; readonly executor: Executor },
): Promise<string | null> {
  const { tenantId } = company;
  const unfinished = executor.engine ? await unfinishedNight(host, tenantId) : null;
  const runId = unfinished ?? (await submitNight(host, company, executor));
  if (unfinished) say(call, 'Run', `${runId}, which an earlier start left unfinished, goes on`);
  else say(call, 'Run', `'${startedWorkflow}' for ${company.businessDate}, ${runId}`);
  call.terminal.say();
  const status = await follow(call, host, {
    run: { tenantId, runId, workflow: startedWorkflow },
    executor,
  });
  if (status === null) {
    sayInterrupted(call, host, executor);
    return null;
  }
  const record = await recordOf(host, tenantId, runId);
  printSummary(call.terminal, record);
  call.terminal.say(
    `\nReport: ${await writeReport(record, call.args.text('report') ?? 'report.html')}`,
  );
  return status;
}

async function submitNight(host: Host, company: Company, executor: Executor): Promise<string> {
  const request: RunRequest = {
    tenantId: company.tenantId,
    workflow: startedWorkflow,
    input: {},
    businessDate: company.businessDate,
    timeZone: bookZone,
    attended: false,
    actor: operator(),
  };
  // An engine of our own takes the run up at once; another one finds it within a second.
  const { engine } = executor;
  const submitted = engine
    ? await engine.startRun(request)
    : await submitRun(host.store, host.registry, request);
  return submitted.id;
}

/** A night that was interrupted goes on; a second one beside it would find the same. */
async function unfinishedNight(host: Host, tenantId: number): Promise<string | null> {
  const heads = await host.history.runs(tenantId);
  const night = heads.find(
    ({ workflow: of, status, rehearsal }) =>
      of === startedWorkflow && !rehearsal && !isTerminal(status),
  );
  return night?.id ?? null;
}

async function serveOn(call: Call, api: Listening, executor: Executor): Promise<void> {
  call.terminal.say(
    `Serving the API at ${api.url} and the report at ${api.url}/report until Ctrl-C.`,
  );
  await Promise.race([call.interrupt.came, executor.failed]);
  call.terminal.say(
    'Ending: nothing new starts, and what was done is recorded. Ctrl-C again ends at once.',
  );
}
