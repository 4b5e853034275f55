import { Day, type Draft, type SampleWorld, Text } from 'tutti';
import { lastDayOf } from '../period.ts';
import { payrollPeriods } from './payslips.ts';
import { decimalOf } from './staff.ts';

/** What a department's accrual of the last closed month has of its own. */
type Fate = 'difference' | 'missing' | 'corrected' | 'near_miss';

interface Part {
  readonly department: Draft<'department'>;
  readonly payrollCents: number;
  readonly fate: Fate | null;
}

interface Booking {
  readonly company: Draft<'company'>;
  readonly period: string;
  readonly kind: 'regular' | 'correction';
  readonly lines: readonly { readonly department: string; readonly cents: number }[];
}

/** Adds the accruals of the closed months with their journal entries, facts and look-alikes in the last of them, and one draft. */
export function addAccruals(world: SampleWorld, payslips: readonly Draft<'payslip'>[]): void {
  const cents = grossByDepartment(payslips);
  const periods = payrollPeriods(world.asOf);
  const [open = '', last] = [periods.at(-1), periods.at(-2)];
  const fates = drawFates(world);
  const partsOf = (company: Draft<'company'>, period: string): readonly Part[] =>
    world
      .all('department')
      .filter((each) => each.company === company.code)
      .map((department) => ({
        department,
        payrollCents: cents.get(`${period} ${department.id}`) ?? 0,
        fate: period === last ? (fates.get(department.id) ?? null) : null,
      }))
      .filter((part) => part.payrollCents > 0);
  for (const period of periods.slice(0, -1)) {
    for (const company of world.random.shuffle(world.all('company'))) {
      accrue(world, { company, period, parts: partsOf(company, period) });
    }
  }
  const early = world.random.pick(world.all('company'));
  const lines = partsOf(early, open).map(({ department, payrollCents }) => ({
    department: department.id,
    cents: payrollCents,
  }));
  addAccrual(world, { company: early, period: open, kind: 'regular', lines }, null);
}

/** Gross cents by period and department, without payslips on hold. */
function grossByDepartment(payslips: readonly Draft<'payslip'>[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const slip of payslips.filter((each) => each.status !== 'held')) {
    const key = `${slip.period} ${slip.department}`;
    sums.set(key, (sums.get(key) ?? 0) + Math.round(Number(slip.gross.amount) * 100));
  }
  return sums;
}

function drawFates(world: SampleWorld): ReadonlyMap<string, Fate> {
  const mixed = world.random.shuffle(world.all('department'));
  const fates = (['difference', 'missing', 'corrected', 'near_miss'] as const).flatMap((fate) =>
    Array.from({ length: 3 * world.scale }, () => fate),
  );
  return new Map(
    mixed.slice(0, fates.length).map((each, index) => [each.id, fates[index] ?? 'near_miss']),
  );
}

function accrue(
  world: SampleWorld,
  of: {
    readonly company: Draft<'company'>;
    readonly period: string;
    readonly parts: readonly Part[];
  },
): void {
  const { company, period } = of;
  const booked = of.parts.map((part) => ({ ...part, cents: bookedCents(world, part) }));
  const lines = booked
    .filter((part) => part.fate !== 'missing')
    .map(({ department, cents }) => ({ department: department.id, cents }));
  const regular = post(world, { company, period, kind: 'regular', lines });
  const corrected = booked.filter((part) => part.fate === 'corrected');
  if (corrected.length > 0) {
    const corrections = corrected.map((part) => ({
      department: part.department.id,
      cents: part.payrollCents - part.cents,
    }));
    post(world, { company, period, kind: 'correction', lines: corrections });
  }
  for (const { department, fate } of booked) {
    if (fate !== 'difference' && fate !== 'missing') continue;
    world.expect({
      agent: 'hr.payroll_accrual_feed',
      kind: `accrual.${fate}`,
      company: company.code,
      records: [
        { entity: 'payroll_accrual', id: regular.id },
        { entity: 'department', id: department.id },
      ],
    });
  }
}

/** What was accrued: the payroll or near it, within one per cent; far off where there is a fact. */
function bookedCents(world: SampleWorld, { payrollCents, fate }: Part): number {
  const { random } = world;
  const sign = random.chance(0.5) ? 1 : -1;
  const share = (thousandths: number): number =>
    payrollCents + sign * Math.floor((payrollCents * thousandths) / 1_000);
  if (fate === 'difference' || fate === 'corrected') return share(random.integer(20, 250));
  if (fate === 'near_miss') return share(10);
  return random.chance(0.2) ? share(random.integer(1, 8)) : payrollCents;
}

function post(world: SampleWorld, booking: Booking): Draft<'payroll_accrual'> {
  return addAccrual(world, booking, addEntry(world, booking));
}

function addAccrual(
  world: SampleWorld,
  booking: Booking,
  entry: Draft<'journal_entry'> | null,
): Draft<'payroll_accrual'> {
  const { company, period, kind, lines } = booking;
  return world.add('payroll_accrual', {
    number: `PA${String(world.all('payroll_accrual').length + 1).padStart(6, '0')}`,
    company: company.code,
    period,
    kind,
    status: entry ? 'posted' : 'draft',
    entry: entry?.id ?? null,
    total: { amount: decimalOf(sumOf(lines)), currency: company.currency },
    lines: lines.map(({ department, cents }) => ({ department, amount: decimalOf(cents) })),
  });
}

function sumOf(lines: Booking['lines']): number {
  return lines.reduce((sum, line) => sum + line.cents, 0);
}

/** Wages and salaries against wages payable, on the month's last working day, by a technical user. */
function addEntry(world: SampleWorld, booking: Booking): Draft<'journal_entry'> {
  const { company, period, kind, lines } = booking;
  const account = (control: 'payroll' | null, number: string): string =>
    world
      .all('account')
      .find(
        (each) =>
          each.company === company.code &&
          (control ? each.control === control : each.number === number),
      )?.id ?? '';
  const date = lastWorkday(period);
  const cents = sumOf(lines);
  const wages = account(null, '6000');
  const payable = account('payroll', '2200');
  const amount = decimalOf(Math.abs(cents));
  return world.add('journal_entry', {
    number: `WAGES-${company.code.slice(-2)}-${period}-${kind === 'regular' ? 1 : 2}`,
    company: company.code,
    journal:
      world.all('journal').find((each) => each.company === company.code && each.code === 'GEN')
        ?.id ?? '',
    date,
    period,
    postedAt: `${date}T17:30:00.000Z`,
    user: payrollUser(world, company.code),
    source: 'system',
    memo: new Text(world.prose()),
    total: { amount, currency: company.currency },
    lines: [
      { account: cents < 0 ? payable : wages, debit: amount, credit: '0' },
      { account: cents < 0 ? wages : payable, debit: '0', credit: amount },
    ],
  });
}

function lastWorkday(period: string): string {
  const day = lastDayOf(period);
  return Day.add(day, Math.min(0, 5 - Day.weekday(day)));
}

/** A technical user of the company, else of the group. */
function payrollUser(world: SampleWorld, company: string): string {
  const groups = new Set<string>(
    world
      .all('user_group')
      .filter((each) => each.company === company)
      .map((each) => each.id),
  );
  const technical = world.all('user').filter((each) => each.employee === null);
  return (technical.find((each) => groups.has(each.group)) ?? technical[0])?.id ?? '';
}
