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
  for (;;) {
    const reminders = await erp.permit_reminder.list({ permit });
    const open = reminders.find(({ status }) => status === 'draft' || status === 'sent');
    if (open) return { id: open.id, version: open.version };
    const number = `PR-${key.slice(0, 12)}`;
    const dueOn = expiresOn < today ? today : expiresOn;
    const made = await erp.permit_reminder.create(
      { number, permit, department, dueOn, status: 'draft' },
      { once: [permit, ...reminders.map(({ id }) => id)] },
    );
    // Another call has drafted one since this one looked.
    if (!made.replayed) return { id: made.id, version: made.version };
  }
});
