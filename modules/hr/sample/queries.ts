import type { Draft, SampleWorld } from 'tutti';

/** Adds questions of the last weeks about timesheets, answered and settled since. */
export function addQueries(world: SampleWorld, sheets: readonly Draft<'timesheet'>[]): void {
  const { random } = world;
  const asked = sheets.filter((sheet) => sheet.status === 'approved' && random.chance(0.01));
  for (const [index, { employee, department, week }] of random.shuffle(asked).entries()) {
    world.add('timesheet_query', {
      number: `TQ${String(index + 1).padStart(6, '0')}`,
      employee,
      department,
      week,
      reason: random.pick(['overlap', 'over_maximum', 'not_submitted', 'on_leave']),
      status: random.pick(['sent', 'withdrawn']),
    });
  }
}
