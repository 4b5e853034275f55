import type { RunRequest } from '../run/request.ts';
import { auditTexts, isAudited } from './append.ts';

/**
 * What a run's row in the audit log is made of: whether it gets one, and what `tutti.append_audit` takes behind the tenant. Runs that a run
 * starts have none, nor those that carry out what people have granted (`apply:`): their votes are on record.
 */
export function startAudit(
  request: RunRequest,
  id: string,
  version: number,
): readonly [boolean, ...ReturnType<typeof auditTexts>] {
  const { workflow, actor, parent, key, rehearsal = false } = request;
  const data = {
    workflow,
    version,
    ...(rehearsal && { rehearsal }),
    // `undo:RUN:STEP`; whoever asks for a run of a declared workflow writes what they like there.
    ...(workflow === 'tutti:undo' && { key }),
  };
  const action = actions[workflow] ?? 'run.start';
  const isPeoples = isAudited(actor) && !parent && !workflow.startsWith('apply:');
  return [isPeoples, ...auditTexts({ actor, action, target: id, data })];
}

const actions: Readonly<Record<string, string>> = {
  'tutti:undo': 'undo.start',
  'tutti:task': 'task.start',
};
