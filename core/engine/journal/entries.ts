import { toErrorData } from '../../base/errors.ts';
import { trustOf } from '../run/labels.ts';
import type { Outcome } from '../run/outcome.ts';
import type { Run } from '../run/run.ts';
import type { RunStatus } from '../run/states.ts';
import type { Step } from '../run/step.ts';
import type { Body, EntryRow } from './rows.ts';

/** An entry before it has a number. */
export interface EntryInput {
  readonly step: Step | null;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly body?: Body | undefined;
}

/** The number of a run's first entry: its creation. Where it is the last, too, nobody has done anything of the run. */
export const createdSeq = 1;

/** Numbers the next entry of a run: one writer, rising in commit order. */
export function nextEntry(run: Run, { step, kind, data, body }: EntryInput): EntryRow {
  run.seq += 1;
  return {
    seq: run.seq,
    step: step?.id ?? null,
    attempt: step && step.attempt > 0 ? step.attempt : null,
    kind,
    data,
    body,
  };
}

/** An output is stored once: here or, when the model said it to the letter, with its turn. */
function stored({
  json,
  saidAt,
}: Extract<Outcome, { kind: 'succeeded' }>): Pick<EntryInput, 'data' | 'body'> {
  return saidAt === undefined
    ? { data: {}, body: { class: 'output', text: json } }
    : { data: { outputSeq: saidAt } };
}

/** What a node's expressions have decided. */
export function decidedEntry(step: Step): EntryInput {
  const { kind, status, output } = step;
  if (kind === 'gate')
    return { step, kind: 'gate.decided', data: { open: status === 'succeeded' } };
  if (kind === 'switch')
    return { step, kind: 'switch.decided', data: { ...(output as object | null) } };
  return { step, kind: 'compute.done', data: {}, body: outputBody(output) };
}

/** The end of a run, with what it brings. */
export function runEnded(run: Run, status: RunStatus): EntryInput {
  const trust = trustOf(run, run.graph.outputSources, null);
  const ended = { step: null, kind: 'run.ended', data: { status, trust } };
  try {
    const output = run.output();
    return output === undefined ? ended : { ...ended, body: outputBody(output) };
  } catch (error) {
    // What it names was skipped or has failed: the run has ended all the same.
    return { ...ended, data: { status, trust, output: toErrorData(error).message } };
  }
}

const outputBody = (output: unknown): Body => ({
  class: 'output',
  text: JSON.stringify(output ?? null),
});

/** The entry that tells how a step ended; what ends with its whole run is told by the run. */
export function endEntry(run: Run, step: Step, outcome: Outcome): EntryRow | null {
  switch (outcome.kind) {
    case 'succeeded':
      return nextEntry(run, { step, kind: 'step.succeeded', ...stored(outcome) });
    case 'failed':
      return nextEntry(run, { step, kind: 'step.failed', data: { error: outcome.error } });
    case 'skipped':
      return nextEntry(run, { step, kind: 'step.skipped', data: { error: outcome.error } });
    case 'cancelled':
      return step.isCancelling ? nextEntry(run, { step, kind: 'step.cancelled', data: {} }) : null;
  }
}
