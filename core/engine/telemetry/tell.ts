import type { Log } from '../../base/telemetry/log.ts';
import type { AgentPlace } from '../graph/compiled.ts';
import type { Change, EntryRow } from '../run/rows.ts';
import type { Run } from '../run/run.ts';
import { pathOf, type Step } from '../run/step.ts';

/** Writes into the log what a flush has made durable, as far as somebody should know of it: ids and codes, and nothing that was said. */
export function tellOf(log: Log, { run, step, entries = [] }: Change): void {
  for (const entry of entries) tellOfEntry(log, { run, step }, entry);
}

function tellOfEntry(
  log: Log,
  { run, step }: { readonly run: Run; readonly step: Step | null },
  { kind, data }: EntryRow,
): void {
  const { id: runId, tenantId, workflow } = run.facts;
  const at = { runId, tenantId, workflow };
  const { agent } = (step?.place ?? {}) as Partial<AgentPlace>;
  const where = { ...at, ...(step && { step: pathOf(step) }), ...(agent && { agent }) };
  switch (kind) {
    case 'run.ended': {
      const level = ['failed', 'partial'].includes(String(data.status)) ? 'warn' : 'info';
      return log[level]('A run has ended.', { ...at, status: data.status });
    }
    case 'step.failed':
      return log.warn('A step has failed.', { ...where, ...codeOf(data.error) });
    case 'step.lost':
      return log.warn('A step lost its engine.', { ...where, attempt: data.attempt });
    case 'step.retrying':
      return log.info('A step is tried again.', { ...where, attempt: step?.attempt });
    case 'breaker.moved':
      return log.warn('A breaker has moved.', { ...at, breaker: data.name, state: data.state });
    case 'budget.warned':
      return log.warn('A budget is nearly used up.', { ...at, scope: data.scope });
  }
}

function codeOf(error: unknown): { readonly code?: string } {
  const { code } = (error ?? {}) as { readonly code?: string };
  return code === undefined ? {} : { code };
}
