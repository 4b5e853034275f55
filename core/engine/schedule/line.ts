import { agedPriority, type Ready } from './ready.ts';

/**
 * The line that ready work stands in: everything in it needs the same, so while its first cannot start nothing of it does. The
 * scheduler has one heap for each.
 */
export function lineOf(item: Pick<Ready, 'service' | 'run' | 'module' | 'model' | 'erp'>): string {
  return `${item.service} ${item.run} ${item.module} ${item.model ?? ''} ${item.erp ?? false}`;
}

/** Whether `a` is served before `b` where both stand in one line. */
export function goesBefore(
  a: Pick<Ready, 'priority' | 'readyAt' | 'order'>,
  b: Pick<Ready, 'priority' | 'readyAt' | 'order'>,
): boolean {
  const difference = agedPriority(a) - agedPriority(b);
  return difference === 0 ? a.order < b.order : difference > 0;
}
