import { Decimal, defineAgent, Money, type Severity, z } from 'tutti';
import { accruedByDepartment, leastTolerance, totalOf } from '../payroll-cost.ts';
import { Tally } from '../tally.ts';
import { listAccruals } from '../tools/list-accruals.ts';
import { proposeAccrual } from '../tools/propose-accrual.ts';
import { totalPayroll } from '../tools/total-payroll.ts';

type Payroll = z.infer<typeof totalPayroll.result>;
type Accrual = z.infer<typeof listAccruals.result>['accruals'][number];

interface Difference {
  readonly department: string;
  readonly payroll: string;
  /** Null where the posted accruals do not name the department. */
  readonly accrued: string | null;
  /** Payroll less accrued. */
  readonly amount: string;
}

/** A difference above this share of the payroll is high. */
const highShare = '0.1';

/** Feeds wages into the ledger and checks what was fed before. */
export const payrollAccrualFeed = defineAgent({
  name: 'payroll_accrual_feed',
  purpose:
    "Drafts the accrual of a company's wages for the open month and checks the one of the last closed month against its payroll.",
  input: z.object({ company: z.string() }),
  output: Tally,
  model: 'standard',
  priority: 8,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 8, costMicroUsd: 600_000 },
  tools: { totalPayroll, listAccruals, proposeAccrual },
  findings: {
    'accrual.missing': "A department's wages of the closed month are not accrued.",
    'accrual.difference': "A department's accrual of the closed month differs from its payroll.",
  },
  instructions: `1. Call hr.payroll.total with the company and month closed, the same with month open, and hr.accrual.list with the company, once each.
2. Closed month: of the accruals of its period whose status is posted, regular and correction, add up the lines by department. For each department in the payroll or in those lines: difference = its gross (0 when the payroll lacks it) less what is accrued. If the difference without its sign is above the department's tolerance (${leastTolerance} when the payroll lacks it), report accrual.missing when no line names the department, else accrual.difference. Exactly the tolerance is in order.
Records: [payroll_accrual: the posted regular one of the period, if there is one, then department]. Company: that of your input. Amount: the difference without its sign. Severity: high for accrual.missing and when the difference is above ${highShare} of the gross, else medium.
3. If there are findings and the period has no accrual of kind correction with status draft, call hr.accrual.propose once with kind correction, that period, and total = the differences of all findings added up with their signs.
4. Open month: if the payroll has departments and hr.accrual.list has no regular accrual of its period, call hr.accrual.propose with kind regular, that period, and total = the payroll's total.
Answer with checked = departments in the closed payroll, flagged = findings, exposure = their amounts added up by currency.`,
}).playbook(async ({ input: { company }, tools, finding }) => {
  const [closed, open, { accruals }] = await Promise.all([
    tools.totalPayroll({ company, month: 'closed' }),
    tools.totalPayroll({ company, month: 'open' }),
    tools.listAccruals({ company }),
  ]);
  const ofClosed = accruals.filter((each) => each.period === closed.period);
  const posted = ofClosed.filter((each) => each.status === 'posted');
  const regular = posted.find((each) => each.kind === 'regular');
  const differences = differencesOf(closed, posted);
  for (const each of differences) {
    finding({
      kind: each.accrued === null ? 'accrual.missing' : 'accrual.difference',
      severity: severityOf(each),
      records: [
        ...(regular ? [{ entity: 'payroll_accrual' as const, id: regular.id }] : []),
        { entity: 'department', id: each.department },
      ],
      company,
      amount: Money.abs(Money.of(each.amount, closed.currency)),
      summary: `The payroll of ${closed.period} is ${each.payroll} ${closed.currency}, accrued are ${each.accrued ?? 'none'}${regular ? ` in ${regular.number}` : ''}.`,
      evidence: { period: closed.period, payroll: each.payroll, accrued: each.accrued },
    });
  }
  if (differences.length > 0 && !ofClosed.some(isDraftCorrection)) {
    const total = totalOf(differences, closed.currency);
    await tools.proposeAccrual({ company, period: closed.period, kind: 'correction', total });
  }
  const isAccrued = accruals.some((each) => each.period === open.period && each.kind === 'regular');
  if (open.departments.length > 0 && !isAccrued) {
    const total = Money.of(open.total, open.currency);
    await tools.proposeAccrual({ company, period: open.period, kind: 'regular', total });
  }
  const amounts = differences.map((each) => Money.abs(Money.of(each.amount, closed.currency)));
  return {
    checked: closed.departments.length,
    flagged: differences.length,
    exposure: Money.sumByCurrency(amounts),
  };
});

function isDraftCorrection(accrual: Accrual): boolean {
  return accrual.kind === 'correction' && accrual.status === 'draft';
}

function differencesOf(payroll: Payroll, posted: readonly Accrual[]): readonly Difference[] {
  const accrued = accruedByDepartment(posted);
  const costs = new Map<string, Payroll['departments'][number]>(
    payroll.departments.map((each) => [each.department, each]),
  );
  return [...new Set([...costs.keys(), ...accrued.keys()])].flatMap((department) => {
    const cost = costs.get(department);
    const gross = cost?.gross ?? '0';
    const amount = Decimal.minus(gross, accrued.get(department) ?? '0');
    if (!Decimal.isAbove(Decimal.abs(amount), cost?.tolerance ?? leastTolerance)) return [];
    return [{ department, payroll: gross, accrued: accrued.get(department) ?? null, amount }];
  });
}

function severityOf({ accrued, payroll, amount }: Difference): Severity {
  if (accrued === null) return 'high';
  return Decimal.isAbove(Decimal.abs(amount), Decimal.times(payroll, highShare))
    ? 'high'
    : 'medium';
}
