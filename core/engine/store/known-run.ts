import { EngineError } from '../../base/errors.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import { isOtherGoal } from '../run/goal.ts';
import type { RunPins, RunRequest } from '../run/request.ts';
import type { RunRow } from './run-row.ts';

/** A request as it would have been stored. */
export interface AskedRun {
  readonly request: RunRequest;
  readonly pins: RunPins;
  /** That it would have got; the one that it has where the answer was lost. */
  readonly id: string;
}

/** A run that was stored before. */
interface KnownRun extends Pick<RunRow, 'id' | 'workflow_version' | 'pins'> {
  readonly company: string | null;
}

/**
 * The id of the run that has a request's key already. When it was for, how urgent, and by whom it was asked for may differ: who sends a
 * request again may do so a day later.
 * @throws KEY_REUSED when that is not what is asked for
 */
export async function knownRun(queryable: Queryable, asked: AskedRun): Promise<string> {
  const { request, id } = asked;
  const { rows } = await queryable.query<KnownRun>(
    'SELECT id, workflow_version, company, pins FROM tutti.run WHERE tenant_id = $1 AND (id = $4 OR workflow = $2 AND key = $3)',
    [request.tenantId, request.workflow, request.key ?? null, id],
  );
  const known = rows[0] as KnownRun;
  const difference = differenceOf(known, asked);
  if (difference === null) return known.id;
  throw new EngineError(
    'KEY_REUSED',
    `The key '${request.key}' belongs to run ${known.id}, which ${difference}; use a new key.`,
    { details: { run: known.id } },
  );
}

/** What a run is that was not asked for; null: it is what was. */
function differenceOf(
  { workflow_version: version, company, pins }: KnownRun,
  { request, pins: asked }: AskedRun,
): string | null {
  if (request.version !== undefined && request.version !== version)
    return `is of version ${version}`;
  if (pins.input !== asked.input) return 'has another input';
  if (isOtherGoal(asked.goal, pins.goal)) return 'has another goal';
  if (company !== (request.company ?? null))
    return company === null ? 'is for the whole group' : `is for company '${company}'`;
  if ((pins.rehearsal ?? false) === (asked.rehearsal ?? false)) return null;
  return pins.rehearsal ? 'is a rehearsal' : 'is no rehearsal';
}
