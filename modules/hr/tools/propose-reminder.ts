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
  const { id, version } = await erp.permit_reminder.findOrCreate(
    { permit },
    (reminders) =>
      reminders.find(({ status }) => status !== 'withdrawn') ?? {
        number: `PR-${key.slice(0, 12)}`,
        department,
        dueOn: expiresOn < today ? today : expiresOn,
        status: 'draft',
      },
  );
  return { id, version };
});
