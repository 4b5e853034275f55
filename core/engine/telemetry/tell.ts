import type { Log } from '../../base/telemetry/log.ts';
import type { AgentPlace } from '../graph/compiled.ts';
import type { Change, EntryRow } from '../journal/rows.ts';
import type { Run } from '../run/run.ts';
import { pathOf, type Step } from '../run/step.ts';

/**
 * Writes into the log what a flush has made durable, as far as somebody should know of it: ids and codes, and nothing that was said. It
 * sees every entry of every run and tells of few: what a line says of its place is made for those alone.
 */
export function tellOf(log: Log, { run, step, entries = [] }: Change): void {
  for (const entry of entries) tellOfEntry(log, { run, step }, entry);
}

interface Place {
  readonly run: Run;
  readonly step: Step | null;
}

function tellOfEntry(log: Log, place: Place, { kind, data }: EntryRow): void {
  switch (kind) {
    case 'run.ended': {
      const level = ['failed', 'partial'].includes(String(data.status)) ? 'warn' : 'info';
      return log[level]('A run has ended.', { ...runOf(place), status: data.status });
    }
    case 'step.failed':
      return log.warn('A step has failed.', { ...stepOf(place), ...codeOf(data.error) });
    case 'step.lost':
      return log.warn('A step lost its engine.', { ...stepOf(place), attempt: data.attempt });
    case 'step.retrying':
      return log.info('A step is tried again.', { ...stepOf(place), attempt: place.step?.attempt });
    case 'breaker.moved':
      return log.warn('A breaker has moved.', {
        ...runOf(place),
        breaker: data.name,
        state: data.state,
      });
    case 'budget.warned':
      return log.warn('A budget is nearly used up.', { ...runOf(place), scope: data.scope });
  }
}

function runOf({ run }: Place) {
  const { id: runId, tenantId, workflow } = run.facts;
  return { runId, tenantId, workflow };
}

function stepOf(place: Place) {
  const { step } = place;
  const { agent } = (step?.place ?? {}) as Partial<AgentPlace>;
  return { ...runOf(place), ...(step && { step: pathOf(step) }), ...(agent && { agent }) };
}

function codeOf(error: unknown): { readonly code?: string } {
  const { code } = (error ?? {}) as { readonly code?: string };
  return code === undefined ? {} : { code };
}
