import { isTerminal } from '../../core/engine/run/states.ts';
import { submitRun } from '../../core/engine/submit.ts';
import {
  bookZone,
  type Call,
  type Command,
  exitCodeOf,
  flags,
  scaleOf,
  withHost,
} from '../command.ts';
import { type Followed, findExecutor, follow, sayInterrupted } from '../follow.ts';
import type { Host } from '../host.ts';
import { printSummary, recordOf, writeReport } from '../outcome.ts';

/** `tutti run WORKFLOW`: one run, seen to its end. */
export const run: Command = {
  usage: {
    name: 'run',
    about:
      'Runs a workflow and waits for its end; beside a live engine it submits the run and follows it.',
    positionals: ['WORKFLOW'],
    flags: {
      input: { value: 'JSON', about: "the workflow's input (default {})" },
      key: {
        value: 'K',
        about: 'idempotency key: a run that has it already is waited for, not started again',
      },
      scale: flags.scale,
      json: flags.json,
      report: { value: 'PATH', about: 'writes the HTML report to this file' },
    },
  },
  run: (call) => {
    // Read before anything is opened: a wrong flag costs no start.
    const request = {
      workflow: call.args.positionals[0] as string,
      input: call.args.json('input') ?? {},
      scale: scaleOf(call.args),
    };
    return withHost(call, (host) => runOnce(call, host, request));
  },
};

interface Request {
  readonly workflow: string;
  readonly input: unknown;
  readonly scale: number;
}

async function runOnce(call: Call, host: Host, request: Request): Promise<number> {
  const { args, terminal } = call;
  const key = args.text('key');
  const { tenantId, sample } = await host.sampleTenant(request.scale);
  const { id, isNew } = await submitRun(host.store, host.registry, {
    tenantId,
    workflow: request.workflow,
    input: request.input,
    ...(key !== undefined && { key }),
    businessDate: sample.asOf,
    timeZone: bookZone,
    attended: false,
    actor: { kind: 'person', id: 'cli' },
  });
  terminal.say(
    isNew
      ? `Run ${id} of '${request.workflow}'.`
      : `Key '${key}' has run ${id} already; waiting for its end.`,
  );
  const followed = { tenantId, runId: id, workflow: request.workflow };
  const status = await seeToItsEnd(call, host, followed);
  if (status === null) return call.interrupt.exitCode() ?? 1;
  const record = await recordOf(host, tenantId, id);
  const path = args.text('report');
  if (path !== undefined) terminal.say(`Report: ${await writeReport(record, path)}`);
  if (terminal.isJson) terminal.print(record.summary);
  else printSummary(terminal, record);
  return exitCodeOf(status);
}

async function seeToItsEnd(call: Call, host: Host, run: Followed): Promise<string | null> {
  const { status } = await host.history.head(run.tenantId, run.runId);
  if (isTerminal(status)) return status;
  const executor = await findExecutor(host);
  if (!executor.engine)
    call.terminal.say('Another process serves this database and runs it; following.');
  const ended = await follow(call, host, { run, executor });
  if (ended === null) sayInterrupted(call, executor);
  return ended;
}
