import type { Row } from 'tutti';
import { firstDayOf, lastDayOf, periodOf } from '../period.ts';
import type { PlantedFact } from './fact.ts';
import type { Staff } from './staff.ts';

/** A payslip in the making. */
export interface Slip {
  readonly staff: Staff;
  readonly period: string;
  readonly kind: Row<'payslip'>['kind'];
  readonly rateCents: number;
  readonly hours: number;
  readonly status: Row<'payslip'>['status'];
  /** The finding that must name it. */
  readonly finding: 'leaver' | PlantedFact | null;
}

/** Whether somebody was employed on any day of a period. */
export function worksIn({ employee }: Staff, period: string): boolean {
  return employee.leftOn === null || employee.leftOn >= firstDayOf(period);
}

/** Hours of a month for somebody who is paid by the month: 52 weeks in 12 months, to quarters. */
export function monthly({ weeklyHours }: Staff): number {
  return Math.round((weeklyHours * 52 * 4) / 12) / 4;
}

/** Paid by the hour, or by the month: in the month of leaving by the days that were left of it. */
export function grossOf({ staff, period, kind, rateCents, hours, finding }: Slip): number {
  if (staff.pay === 'hourly') return Math.round(rateCents * hours);
  if (kind === 'correction') return Math.round((rateCents * hours) / monthly(staff));
  const { leftOn } = staff.employee;
  const days = Number(lastDayOf(period).slice(8));
  const worked =
    leftOn !== null && periodOf(leftOn) === period && finding === null
      ? Number(leftOn.slice(8))
      : days;
  return Math.round((rateCents * worked) / days);
}
