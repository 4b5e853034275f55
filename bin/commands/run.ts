import { EngineError } from '../../core/base/errors.ts';
import type { RunRequest } from '../../core/engine/store/store.ts';
import { submitRun } from '../../core/engine/submit.ts';
import { demandActive } from '../active-tenant.ts';
import type { Arguments } from '../arguments.ts';
import { withHost } from '../call-host.ts';
import {
  bookZone,
  type Call,
  type Command,
  exitCodeOf,
  scaleOf,
  unlessInterrupted,
} from '../command.ts';
import { seeToItsEnd } from '../follow.ts';
import type { Host } from '../host.ts';
import { readUntil } from '../moment.ts';
import { actorOfCall } from '../operator.ts';
import { printSummary, recordOf, writeReport } from '../outcome.ts';

/** `tutti run WORKFLOW`: one run, seen to its end. */
export const run: Command = (call) => {
  // Read before anything is opened: a wrong flag costs no start.
  const request = {
    workflow: call.args.positionals[0] as string,
    input: call.args.json('input') ?? {},
    scale: scaleOf(call.args),
    plan: planOf(call.args),
    version: call.args.integer('version', { from: 1, to: 2 ** 31 - 1 }),
    ...rehearsalOf(call.args),
    ...deadlineOf(call.args),
    actor: actorOfCall(call),
  };
  return withHost(call, (host) => unlessInterrupted(call, () => runOnce(call, host, request)));
};

interface Request extends Rehearsal, Pick<RunRequest, 'deadlineAt'> {
  readonly actor: RunRequest['actor'];
  readonly workflow: string;
  readonly input: unknown;
  readonly scale: number;
  /** Hash of the plan that it is bound to. */
  readonly plan: string | undefined;
  /** @default the one in force */
  readonly version: number | undefined;
}

type Rehearsal = Pick<RunRequest, 'rehearsal' | 'speed'>;

/** @throws INPUT_INVALID */
function planOf(args: Arguments): string | undefined {
  const hash = args.text('plan');
  if (hash === undefined || /^[0-9a-f]{64}$/.test(hash)) return hash;
  throw new EngineError(
    'INPUT_INVALID',
    `--plan takes the 64 characters of a plan's hash, not '${hash.slice(0, 80)}'; see: tutti plan`,
  );
}

/** @throws INPUT_INVALID */
function rehearsalOf(args: Arguments): Rehearsal {
  const rehearsal = args.has('rehearse');
  const speed = args.integer('speed', { from: 1, to: 1_000 });
  if (speed !== undefined && !rehearsal)
    throw new EngineError('INPUT_INVALID', '--speed is for rehearsals; add --rehearse.');
  return { rehearsal, ...(speed !== undefined && { speed }) };
}

/** @throws INPUT_INVALID */
function deadlineOf(args: Arguments): Pick<RunRequest, 'deadlineAt'> {
  const text = args.text('deadline');
  return text === undefined ? {} : { deadlineAt: readUntil('deadline', text) };
}

async function runOnce(
  call: Call,
  host: Host,
  { scale, plan: hash, version, ...asked }: Request,
): Promise<number> {
  const { args, terminal, interrupt } = call;
  const key = args.text('key');
  const goal = args.text('goal');
  const { tenantId, sample } = await host.sampleTenant(scale);
  await demandActive(host.database.pool('tutti_engine', 1), tenantId);
  const request: RunRequest = {
    ...asked,
    tenantId,
    ...(key !== undefined && { key }),
    ...(goal !== undefined && { goal }),
    ...(version !== undefined && { version }),
    businessDate: sample.asOf,
    timeZone: bookZone,
    attended: false,
  };
  if (hash !== undefined) terminal.say('Going through the workflow, to see that the plan holds.');
  const bound =
    hash === undefined ? request : await host.planner.bind(request, hash, interrupt.signal);
  const { id, isNew } = await submitRun(host.store, host.registry, bound);
  terminal.say(
    isNew
      ? `${request.rehearsal ? 'Rehearsal' : 'Run'} ${id} of '${request.workflow}'.`
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
