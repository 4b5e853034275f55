import type { Sample } from 'tutti';
import { addAccruals } from './sample/accruals.ts';
import { addCalendars } from './sample/calendar.ts';
import { addPayslips } from './sample/payslips.ts';
import { addPermits } from './sample/permits.ts';
import { addQueries } from './sample/queries.ts';
import { addStaff } from './sample/staff.ts';
import { addTimesheets } from './sample/timesheets.ts';

/** Contracts, hours, pay and papers of the sample company's employees, with what a night must find in them. */
export const sample: Sample = (world) => {
  const staff = addStaff(world);
  const sheets = addTimesheets(world, staff, addCalendars(world));
  addQueries(world, sheets);
  const payslips = addPayslips(world, staff, sheets);
  addPermits(world, staff);
  addAccruals(world, payslips);
};
