import { systemClock } from '../../core/base/clock.ts';
import { AuditHeads } from '../../core/engine/audit/heads.ts';
import type { Host } from '../host.ts';

/** What signs the audit log of this installation every hour; a log that is broken is told on standard error. */
export function auditHeadsOf({ audit }: Host): AuditHeads {
  return new AuditHeads(audit, {
    clock: systemClock,
    onError: (error) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    },
  });
}
