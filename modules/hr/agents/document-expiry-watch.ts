import { defineAgent, Id, type Severity, z } from 'tutti';
import { Tally } from '../tally.ts';
import { listPermits } from '../tools/list-permits.ts';
import { proposeReminder } from '../tools/propose-reminder.ts';

type Permit = z.infer<typeof listPermits.result>['permits'][number];

/** Finds papers that run out. */
export const documentExpiryWatch = defineAgent({
  name: 'document_expiry_watch',
  purpose:
    "Finds permits and certificates of a department's employees that have expired or are about to, with no renewal on file.",
  input: z.object({ department: Id('department') }),
  output: Tally,
  model: 'fast',
  priority: 4,
  critical: false,
  limits: { timeoutMs: 60_000, turns: 6, costMicroUsd: 150_000 },
  tools: { listPermits, proposeReminder },
  findings: {
    'document.expired': 'A permit has expired and no renewal is on file.',
    'document.expiring':
      'A permit expires within the notice of its kind and no renewal is on file.',
  },
  instructions: `1. Call hr.permit.list with the department. A permit whose renewal is not null is in order, and so is one with daysLeft above noticeDays.
2. Report each other permit: document.expired when daysLeft is below 0, else document.expiring. Records: [permit]. Company: the permit's. Severity of document.expired: critical for work_permit and residence_permit, high for certificates; of document.expiring: medium and low. No amount.
3. For each finding whose reminder is null call hr.reminder.propose with the permit.
Answer with checked = permits listed, flagged = findings, exposure = [].
Name people by number only.`,
}).playbook(async ({ input, tools, finding }) => {
  const { permits } = await tools.listPermits(input);
  const due = permits.filter(
    (permit) => permit.renewal === null && permit.daysLeft <= permit.noticeDays,
  );
  for (const permit of due) {
    const state = permit.daysLeft < 0 ? 'expired' : 'expiring';
    finding({
      kind: `document.${state}`,
      severity: severityOf(permit),
      records: [{ entity: 'permit', id: permit.id }],
      company: permit.company,
      summary: `Permit ${permit.number} of employee ${permit.employeeNumber} ${state === 'expired' ? 'expired' : 'expires'} on ${permit.expiresOn}; no renewal is on file.`,
      evidence: {
        employee: permit.employeeNumber,
        kind: permit.kind,
        expiresOn: permit.expiresOn,
        daysLeft: permit.daysLeft,
      },
    });
    if (permit.reminder === null) await tools.proposeReminder({ permit: permit.id });
  }
  return { checked: permits.length, flagged: due.length, exposure: [] };
});

/** Without a right to work nobody may work at all; without a certificate not at one task. */
function severityOf({ kind, daysLeft }: Permit): Severity {
  const rightToWork = kind === 'work_permit' || kind === 'residence_permit';
  if (daysLeft < 0) return rightToWork ? 'critical' : 'high';
  return rightToWork ? 'medium' : 'low';
}
