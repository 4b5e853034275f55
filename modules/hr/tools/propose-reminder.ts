import { defineTool, Id, z } from 'tutti';

/** A reminder for somebody to send. */
export const proposeReminder = defineTool({
  name: 'hr.reminder.propose',
  description:
    "Drafts a reminder to renew a permit, due on the permit's last day or today if that has passed.",
  effect: 'propose',
  category: 'documents',
  duty: 'remind_employee',
  parameters: z.object({ permit: Id('permit') }),
  result: z.object({ id: Id('permit_reminder'), version: z.string() }),
  undo: { action: 'withdraw' },
  key: ({ permit }) => [permit],
  scope: 'tenant',
  binds: () => ['expiresOn'],
}).handler(async ({ permit }, { erp, today, key }) => {
  const { department, expiresOn } = await erp.permit.get(permit);
  const open = await erp.permit_reminder.list({ permit, status: { in: ['draft', 'sent'] } });
  if (open[0]) return { id: open[0].id, version: open[0].version };
  const { id, version } = await erp.permit_reminder.create({
    number: `PR-${key.slice(0, 12)}`,
    permit,
    department,
    dueOn: expiresOn < today ? today : expiresOn,
    status: 'draft',
  });
  return { id, version };
});
