import { EngineError } from '../../core/base/errors.ts';
import type { Actor } from '../../core/engine/run/request.ts';
import type { UndoView } from '../../core/engine/undo/undo-view.ts';
import { undoWorkflow } from '../../core/engine/undo/undo-workflow.ts';
import { demandActive } from '../active-tenant.ts';
import { withHost } from '../call-host.ts';
import { readingTenant } from '../call-reading.ts';
import { type Call, type Command, exit, exitCodeOf, unlessInterrupted } from '../command.ts';
import { seeToItsEnd } from '../follow.ts';
import type { Host } from '../host.ts';
import { actorOfCall } from '../operator.ts';
import { undoOf } from '../parts/undo-of.ts';
import { oneLine } from '../terminal.ts';

/** `tutti undo RUN [STEP]`: takes back what a run did. */
export const undo: Command = (call) => {
  const reason = call.args.text('reason')?.trim();
  const isDry = call.args.has('dry-run');
  if (!reason && !isDry)
    throw new EngineError(
      'INPUT_INVALID',
      'An undo needs a reason: add --reason TEXT, or --dry-run to see what it would do.',
    );
  const actor = actorOfCall(call);
  return withHost(call, (host) =>
    unlessInterrupted(call, () => undoOnce(call, host, { reason: reason ?? '', isDry, actor })),
  );
};

async function undoOnce(
  call: Call,
  host: Host,
  asked: { readonly reason: string; readonly isDry: boolean; readonly actor: Actor },
): Promise<number> {
  const [runId = '', step] = call.args.positionals;
  const tenantId = (await readingTenant(host, { runId })) as number;
  const undoing = undoOf(host);
  const scope = { tenantId, runId, step };
  if (asked.isDry) {
    const view = await undoing.plan(scope);
    show(call, view);
    return view.effects.some(({ became }) => became === 'left') ? exit.partial : exit.done;
  }
  await demandActive(host.database.pool('tutti_engine', 1), tenantId);
  const { reason, actor } = asked;
  const started = await undoing.start({ ...scope, reason, actor });
  call.terminal.say(started.isNew ? `Undo ${started.id}.` : `Undo ${started.id} is there already.`);
  const run = { tenantId, runId: started.id, workflow: undoWorkflow };
  const status = await seeToItsEnd(call, host, run);
  if (status === null) return call.interrupt.exitCode() ?? exit.failed;
  const view = await undoing.view(scope);
  if (view) show(call, view);
  return exitCodeOf(status);
}

const marks = { undone: '✓', left: '✗', waiting: '·' } as const;

function show({ terminal }: Call, view: UndoView): void {
  if (terminal.isJson) {
    terminal.print(view);
    return;
  }
  for (const { became, tool, key, records, reason } of view.effects) {
    const what = records.map(({ entity, id }) => `${entity} ${id}`).join(', ');
    const why = reason === undefined ? '' : `: ${reason}`;
    terminal.say(oneLine(`  ${marks[became]} ${tool} ${key.slice(0, 12)} ${what}${why}`));
  }
  terminal.say(view.summary);
}
