import { Decimal, EngineError, type Erp, Money, type Row } from 'tutti';

/** What a department's payslips of a period cost a company. */
export interface DepartmentCost {
  readonly department: string;
  readonly payslips: number;
  /** Gross pay in the company's currency. */
  readonly gross: string;
}

/** A company's payroll of one period. */
export interface PayrollCost {
  readonly currency: string;
  readonly departments: readonly DepartmentCost[];
}

/** Above one payslip for each of 20,000 employees; a company of that size needs a narrower unit. */
const payslipLimit = 20_000;

/** Adds up a company's payslips of a period by department; `held` ones are left out. @throws RECORD_UNKNOWN · INPUT_INVALID */
export async function costPayroll(
  erp: Erp,
  of: { readonly company: string; readonly period: string },
): Promise<PayrollCost> {
  const [company, slips] = await Promise.all([
    erp.company.find({ code: of.company }),
    erp.payslip.list(
      { company: of.company, period: of.period, status: { in: ['draft', 'posted'] } },
      { limit: payslipLimit },
    ),
  ]);
  if (!company) {
    throw new EngineError(
      'RECORD_UNKNOWN',
      `No company has the code ${of.company}; name one that exists.`,
    );
  }
  const byDepartment = Map.groupBy(slips, (slip) => slip.department);
  return {
    currency: company.currency,
    departments: [...byDepartment].map(([department, own]) => ({
      department,
      payslips: own.length,
      // An amount of another currency is an error, and no part of the sum.
      gross: Money.sum(
        company.currency,
        own.map((slip) => slip.gross),
      ).amount,
    })),
  };
}

/** The least tolerance of an accrual, in units of its currency. */
export const leastTolerance = '50';

/**
 * How far an accrual may differ from its payroll: one per cent, at least 50 units of the currency. Below it lie rounding
 * and the small corrections that go into the next month.
 */
export function toleranceOf(gross: string): string {
  const share = Decimal.round(Decimal.times(gross, '0.01'), 2);
  return Decimal.isAbove(share, leastTolerance) ? share : leastTolerance;
}

/** What each department has accrued, over all given accruals. */
export function accruedByDepartment(
  accruals: readonly Pick<Row<'payroll_accrual'>, 'lines'>[],
): ReadonlyMap<string, string> {
  const accrued = new Map<string, string>();
  for (const line of accruals.flatMap((accrual) => accrual.lines)) {
    accrued.set(line.department, Decimal.plus(accrued.get(line.department) ?? '0', line.amount));
  }
  return accrued;
}

/** The lines of the accrual that a period lacks: its payroll, less what is accrued where that is beyond tolerance. */
export function accrualLines(
  cost: PayrollCost,
  accrued: ReadonlyMap<string, string>,
): readonly { readonly department: string; readonly amount: string }[] {
  const gross = new Map(cost.departments.map((each) => [each.department, each.gross]));
  return [...new Set([...gross.keys(), ...accrued.keys()])].flatMap((department) => {
    const payroll = gross.get(department) ?? '0';
    const amount = Decimal.minus(payroll, accrued.get(department) ?? '0');
    return Decimal.isAbove(Decimal.abs(amount), toleranceOf(payroll))
      ? [{ department, amount }]
      : [];
  });
}

/** The sum of an accrual's lines. */
export function totalOf(lines: readonly { readonly amount: string }[], currency: string): Money {
  return { amount: Decimal.sum(lines.map((line) => line.amount)), currency };
}
