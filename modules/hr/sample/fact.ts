/**
 * What is special about one employee of the sample company; nobody has two. Planted facts carry the name of the finding that
 * must report them; the others look like one and are in order.
 */
export type Fact = PlantedFact | LookAlike;

/** Facts that a night must report, by the part of the finding's kind after the dot. */
export type PlantedFact = TimesheetFact | 'no_contract' | 'double' | 'rate_jump' | 'hours';

export type TimesheetFact =
  | 'impossible_day'
  | 'on_leave'
  | 'holiday'
  | 'over_maximum'
  | 'overlap'
  | 'not_submitted'
  | 'missing';

export type LookAlike =
  /** A day of exactly the daily maximum. */
  | 'full_day'
  | 'approved_overtime'
  | 'approved_holiday'
  /** Work on days of a leave that was not approved. */
  | 'declined_leave'
  /** Two lines, the second beginning when the first ends. */
  | 'back_to_back'
  /** No timesheet for a week of leave. */
  | 'whole_leave'
  /** A contract from the open month with a far higher rate. */
  | 'raise'
  /** The same, with a payslip exactly two per cent above it. */
  | 'raise_and_allowance'
  /** A rate exactly ten per cent above the last month's. */
  | 'small_jump'
  /** Half an hour between payroll and timesheets. */
  | 'rounded_hours'
  /** A correction beside the regular payslip. */
  | 'corrected'
  /** A second regular payslip that is held already. */
  | 'held_double'
  /** A contract that ended, and its successor. */
  | 'successor';

/** Whom a fact can happen to. */
export type Demand = 'anybody' | 'day_shift' | 'hourly' | 'monthly';

/** Every fact, and whom it can happen to. */
export const facts: readonly (readonly [Fact, Demand])[] = [
  ['impossible_day', 'anybody'],
  ['on_leave', 'anybody'],
  ['holiday', 'anybody'],
  ['over_maximum', 'day_shift'],
  ['overlap', 'day_shift'],
  ['not_submitted', 'anybody'],
  ['missing', 'anybody'],
  ['no_contract', 'anybody'],
  ['double', 'anybody'],
  ['rate_jump', 'anybody'],
  ['hours', 'hourly'],
  ['full_day', 'day_shift'],
  ['approved_overtime', 'day_shift'],
  ['approved_holiday', 'anybody'],
  ['declined_leave', 'anybody'],
  ['back_to_back', 'day_shift'],
  ['whole_leave', 'monthly'],
  ['raise', 'anybody'],
  ['raise_and_allowance', 'anybody'],
  ['small_jump', 'anybody'],
  ['rounded_hours', 'hourly'],
  ['corrected', 'anybody'],
  ['held_double', 'anybody'],
  ['successor', 'anybody'],
];
