import { EngineError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { isTerminal } from './run/states.ts';
import type { Inbox, MessageKind } from './store/inbox.ts';
import type { Actor, Store } from './store/store.ts';

/** What somebody asks of a run that lives. */
export interface RunAsk {
  readonly tenantId: number;
  readonly runId: string;
  readonly kind: Extract<MessageKind, 'cancel' | 'pause' | 'resume' | 'priority'>;
  /** For `cancel`: the path of the one step that is to end, as `tutti runs` and the API show it. @default the whole run */
  readonly step?: string | undefined;
  /** With `step`: everything that waits for it is cancelled, too. @default false: it goes on as its join asks */
  readonly subtree?: boolean | undefined;
  /** For `priority`: 1 to 10, the one that it is to have. */
  readonly priority?: number | undefined;
  readonly actor: Actor;
}

/**
 * Leaves a message for the run's owner, whether an engine is up or not; the owner does it within a second.
 * @throws RUN_UNKNOWN · RUN_ENDED · STEP_UNKNOWN · INPUT_INVALID
 */
export async function askRun(
  { store, inbox }: { readonly store: Store; readonly inbox: Inbox },
  ask: RunAsk,
): Promise<void> {
  const { tenantId, runId, kind, actor, subtree = false } = ask;
  const status = await store.runStatus(tenantId, runId);
  if (status === null) throw new EngineError('RUN_UNKNOWN', `There is no run ${runId}.`);
  if (isTerminal(status))
    throw new EngineError(
      'RUN_ENDED',
      `Run ${runId} has ended (${status}); nothing of it can be changed any more (${kind}).`,
    );
  const step = ask.step === undefined ? null : await store.stepAt(tenantId, runId, ask.step);
  if (step === undefined)
    throw new EngineError('STEP_UNKNOWN', `Run ${runId} has no step '${ask.step}'.`);
  const data = { ...(step !== null && { step, subtree }), ...priorityIn(ask) };
  // The same wish to cancel again is the same wish; others follow each other.
  const dedupe = kind === 'cancel' ? `cancel ${step ?? ''} ${subtree}` : `${kind} ${newId()}`;
  await inbox.send({ tenantId, runId, kind, dedupe, data, actor });
}

/** @throws INPUT_INVALID */
function priorityIn({ kind, priority }: RunAsk): object {
  if (kind !== 'priority') return {};
  if (priority !== undefined && Number.isInteger(priority) && priority >= 1 && priority <= 10)
    return { priority };
  throw new EngineError('INPUT_INVALID', 'A priority is a whole number from 1 to 10.');
}
