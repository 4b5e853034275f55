import { type Erased, eraseRecord, eraseRun } from '../../core/engine/retention/erase.ts';
import { withConnection } from '../../core/engine/retention/keeping.ts';
import { findRecord, type Mention, type RecordRef } from '../../core/engine/retention/search.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { wrongUse } from '../arguments.ts';
import { withHost } from '../call-host.ts';
import { readingTenant } from '../call-reading.ts';
import { askedScale, type Call, type Command, exit } from '../command.ts';
import type { Host } from '../host.ts';
import { operator } from '../operator.ts';

const wrong = wrongUse('erase');

/** `tutti erase`: takes the bodies of a run, or all that name a record. */
export const erase: Command = async (call) => {
  const asked = readAsked(call);
  return withHost(call, async (host) => {
    const { runId, record } = asked;
    const tenantId = await readingTenant(host, { runId, scale: asked.scale });
    if (tenantId === null) {
      call.terminal.say('There is no run yet, so there is nothing to erase.');
      return exit.done;
    }
    if (record && asked.isDry) return list(call, { host, tenantId, record });
    const request = { tenantId, reason: asked.reason, actor: operator() };
    const erased = record
      ? await eraseRecord(host.database, record, request)
      : await eraseRun(host.database, runId as string, request);
    return tell(call, erased);
  });
};

interface Asked {
  readonly runId: string | undefined;
  readonly record: RecordRef | undefined;
  readonly reason: string;
  readonly isDry: boolean;
  readonly scale: number | undefined;
}

/** @throws INPUT_INVALID */
function readAsked({ args }: Call): Asked {
  const runId = args.text('run');
  const record = recordOf(args.text('record'));
  const reason = args.text('reason')?.trim() ?? '';
  const isDry = args.has('dry-run');
  if ((runId === undefined) === (record === undefined)) {
    throw wrong('needs --run ID or --record ENTITY:ID, one of them');
  }
  if (isDry && !record) throw wrong('has --dry-run for --record only');
  if (reason === '' && !isDry) throw wrong('needs --reason TEXT, which is kept with who asked');
  const scale = askedScale(args);
  return { runId, record, reason, isDry, scale };
}

function recordOf(text: string | undefined): RecordRef | undefined {
  if (text === undefined) return undefined;
  const [, entity, id] = /^([a-z][a-z0-9_.]*):(.+)$/s.exec(text) ?? [];
  if (entity !== undefined && id !== undefined) return { entity, id };
  throw wrong(`takes --record as ENTITY:ID, for example employee:E-17, not '${text}'`);
}

async function list(
  { terminal }: Call,
  found: { readonly host: Host; readonly tenantId: number; readonly record: RecordRef },
): Promise<number> {
  const { host, tenantId, record } = found;
  const mentions: Mention[] = [];
  await withConnection(host.database, async (client) => {
    for await (const mention of findRecord(client, tenantId, record)) mentions.push(mention);
  });
  if (terminal.isJson) terminal.print(mentions);
  else {
    for (const { runId, steps } of mentions) {
      terminal.say(`${runId}  ${steps === null ? 'the whole run' : countOf(steps.length, 'step')}`);
    }
    terminal.say(`Named in ${countOf(mentions.length, 'run')}; nothing was erased.`);
  }
  return exit.done;
}

function tell({ terminal }: Call, erased: Erased): number {
  if (terminal.isJson) terminal.print(erased);
  else {
    const bodies = countOf(erased.bodies, 'body', 'bodies');
    terminal.say(`Erased ${bodies} of ${countOf(erased.runs, 'run')}.`);
    for (const { runId, because } of erased.kept) {
      terminal.say(`Left alone: ${runId}, it is ${because}.`);
    }
  }
  return erased.kept.length > 0 ? exit.partial : exit.done;
}
