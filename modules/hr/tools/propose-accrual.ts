import { Day, defineTool, EngineError, Id, Money, z } from 'tutti';
import { accrualLines, accruedByDepartment, costPayroll, totalOf } from '../payroll-cost.ts';

/** An accrual for somebody to post. */
export const proposeAccrual = defineTool({
  name: 'hr.accrual.propose',
  description:
    "Drafts the accrual of a month's wages (`regular`), or the `correction` of one that differs from its payroll. The lines are worked out from the payslips; `total` must be what they add up to.",
  effect: 'propose',
  category: 'payroll',
  duty: 'draft_payroll_accrual',
  parameters: z.object({
    company: z.string(),
    period: z.string().regex(/^\d{4}-\d{2}$/, 'must be a month as YYYY-MM'),
    kind: z.enum(['regular', 'correction']),
    total: Money,
  }),
  result: z.object({ id: Id('payroll_accrual'), version: z.string() }),
  undo: { action: 'withdraw' },
  key: ({ company, period, kind }) => [company, period, kind],
  scope: 'run',
  amount: ({ total }) => total,
  // A correction is an entry of the day that finds the mistake; the month that it is about may be closed.
  posts: ({ company, period, kind }, { today }) => ({
    company,
    date: kind === 'regular' ? Day.monthEnd(`${period}-01`) : today,
    ledger: 'payroll',
  }),
}).handler(async ({ company, period, kind, total }, { erp, key }) => {
  const cost = await costPayroll(erp, { company, period });
  const number = `PA-${key.slice(0, 12)}`;
  const accrual = await erp.payroll_accrual.findOrCreate({ company, period }, (accruals) => {
    // What an interrupted call has drafted under this key is its own.
    const own = accruals.find((each) => each.number === number);
    if (own) return own;
    refuseSecond(accruals, { company, period, kind });
    const posted = accruals.filter((each) => each.status === 'posted');
    const lines =
      kind === 'regular'
        ? cost.departments.map(({ department, gross }) => ({ department, amount: gross }))
        : accrualLines(cost, accruedByDepartment(posted));
    const computed = totalOf(lines, cost.currency);
    if (!Money.equals(computed, total)) {
      throw new EngineError(
        'ERP_CONFLICT',
        `The ${kind} accrual of ${company} for ${period} comes to ${computed.amount} ${computed.currency}, not ${total.amount} ${total.currency}; read the payroll again.`,
      );
    }
    return { number, kind, status: 'draft', entry: null, total: computed, lines };
  });
  return { id: accrual.id, version: accrual.version };
});

/** One regular accrual a month, and one draft of a correction at a time. */
function refuseSecond(
  accruals: readonly { readonly kind: string; readonly status: string; readonly number: string }[],
  wanted: { readonly company: string; readonly period: string; readonly kind: string },
): void {
  const existing = accruals.find(
    ({ kind, status }) =>
      kind === wanted.kind && (status === 'draft' || (kind === 'regular' && status === 'posted')),
  );
  if (!existing) return;
  throw new EngineError(
    'ERP_REJECTED',
    `${wanted.company} has the ${wanted.kind} accrual ${existing.number} for ${wanted.period} already; withdraw or correct that one.`,
  );
}
