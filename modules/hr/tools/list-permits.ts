import { Day, defineTool, Id, type Row, z } from 'tutti';

/**
 * Days before a permit's end at which its holder is reminded. Authorities want applications for a right to work about two
 * months ahead; courses are booked within one.
 */
const noticeDays = {
  work_permit: 60,
  residence_permit: 60,
  forklift_certificate: 30,
  first_aid_certificate: 30,
} as const satisfies Record<Row<'permit'>['kind'], number>;

/** Days ahead that the list looks: past every notice, so that near misses are seen to be in order. */
const horizonDays = 90;

/** Papers that have run out or soon will. */
export const listPermits = defineTool({
  name: 'hr.permit.list',
  description:
    "Lists a department's permits of active employees that have expired or expire within 90 days, with the days left, the notice of their kind, a renewal on file and an open reminder.",
  effect: 'read',
  category: 'documents',
  sensitive: true,
  parameters: z.object({ department: Id('department') }),
  result: z.object({
    permits: z.array(
      z.object({
        id: Id('permit'),
        number: z.string(),
        employee: Id('employee'),
        employeeNumber: z.string(),
        company: z.string(),
        kind: z.enum([
          'work_permit',
          'residence_permit',
          'forklift_certificate',
          'first_aid_certificate',
        ]),
        expiresOn: z.iso.date(),
        /** Negative = expired; 0 = today is the last valid day. */
        daysLeft: z.int(),
        noticeDays: z.int(),
        renewal: Id('permit').nullable(),
        reminder: z.enum(['draft', 'sent']).nullable(),
      }),
    ),
  }),
}).handler(async ({ department }, { erp, today }) => {
  const employees = await erp.employee.list({ department });
  // Those of the employees, not of the department: who has moved keeps permits that name the department before.
  const permits = await erp.permit.list(
    { employee: { in: employees.map(({ id }) => id) } },
    { order: [{ field: 'number' }] },
  );
  const active = new Map(
    employees
      .filter((each) => each.hiredOn <= today && (each.leftOn === null || each.leftOn >= today))
      .map((each) => [each.id, each.number]),
  );
  const due = permits.filter(
    (permit) => active.has(permit.employee) && permit.expiresOn <= Day.add(today, horizonDays),
  );
  const reminders = await erp.permit_reminder.list({
    permit: { in: due.map(({ id }) => id) },
    status: { in: ['draft', 'sent'] },
  });
  return {
    permits: due.map((permit) => ({
      id: permit.id,
      number: permit.number,
      employee: permit.employee,
      employeeNumber: active.get(permit.employee) ?? '',
      company: permit.company,
      kind: permit.kind,
      expiresOn: permit.expiresOn,
      daysLeft: Day.between(today, permit.expiresOn),
      noticeDays: noticeDays[permit.kind],
      renewal: renewalOf(permit, permits, today)?.id ?? null,
      reminder: openReminder(permit, reminders),
    })),
  };
});

/** A later permit of the same kind for the same employee, issued by now or in time to follow without a gap. */
function renewalOf(
  permit: Row<'permit'>,
  permits: readonly Row<'permit'>[],
  today: string,
): Row<'permit'> | undefined {
  const dayAfter = Day.add(permit.expiresOn, 1);
  const needed = dayAfter > today ? dayAfter : today;
  return permits.find(
    (other) =>
      other.employee === permit.employee &&
      other.kind === permit.kind &&
      other.expiresOn > permit.expiresOn &&
      other.issuedOn <= needed,
  );
}

function openReminder(
  permit: Row<'permit'>,
  reminders: readonly Row<'permit_reminder'>[],
): 'draft' | 'sent' | null {
  const status = reminders.find((reminder) => reminder.permit === permit.id)?.status;
  return status === 'draft' || status === 'sent' ? status : null;
}
