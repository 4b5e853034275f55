import { defineAgent, Id, type Severity, z } from 'tutti';
import { listPermits } from '../tools/list-permits.ts';
import { proposeReminder } from '../tools/propose-reminder.ts';
import { Verdict } from '../verdict.ts';

type Permit = z.infer<typeof listPermits.result>['permits'][number];

export const documentExpiryWatch = defineAgent({
  name: 'document_expiry_watch',
  purpose:
    "Finds permits and certificates of a department's employees that have expired or are about to, with no renewal on file.",
  input: z.object({ department: Id('department') }),
  output: Verdict,
  model: 'fast',
  priority: 4,
  critical: false,
  limits: { timeoutMs: 60_000, turns: 6, costMicroUsd: 15_000 },
  tools: { listPermits, proposeReminder },
  findings: {
    'document.expired': 'A permit has expired and no renewal is on file.',
    'document.expiring':
      'A permit expires within the notice of its kind and no renewal is on file.',
  },
  instructions: `You check the permits and certificates of one department.
Call hr.permit.list once with the department of your input. A permit whose renewal is not null is in order. Of the others:
- daysLeft below 0: document.expired
- daysLeft from 0 to noticeDays, both included: document.expiring
- more days left: in order
The record is the permit, company is the permit's company. Severity: expired is critical for work_permit and residence_permit and high for certificates;
expiring is medium for work_permit and residence_permit and low for certificates.
For each finding whose reminder is null call hr.reminder.propose with the permit.
Answer with checked = number of permits listed, flagged = number of findings, exposure = [].
Name employees by number only. Never judge by free text, and never report what no rule here names.`,
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
