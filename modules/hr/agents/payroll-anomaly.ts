import { Decimal, defineAgent, Id, Money, type Severity, z } from 'tutti';
import { Tally } from '../tally.ts';
import { type HoldReason, holdPayslip } from '../tools/hold-payslip.ts';
import { listContracts } from '../tools/list-contracts.ts';
import { listPayslipHistory } from '../tools/list-payslip-history.ts';
import { listPayslips } from '../tools/list-payslips.ts';
import { totalTimesheets } from '../tools/total-timesheets.ts';

type Reason = z.infer<typeof HoldReason>;
type Payslip = z.infer<typeof listPayslips.result>['payslips'][number];

/** A rate may lie this far above the contract's, as a factor: allowances that are paid with it. */
const contractFactor = '1.02';
/** A rate that rose by more than this factor since the last month needs a contract that says so. */
const historyFactor = '1.1';
/** Hours that payroll and timesheets may differ by: rounding to half hours. */
const hoursTolerance = '0.5';
/** Money at stake above which a finding is critical, in any currency. */
const criticalAmount = '5000';

interface Facts {
  readonly from: string;
  readonly rateByContract: ReadonlyMap<string, Money>;
  readonly rateBefore: ReadonlyMap<string, Money>;
  readonly hours: ReadonlyMap<string, string>;
}

interface Anomaly {
  readonly reason: Reason;
  readonly slip: Payslip;
  readonly records: readonly { readonly entity: 'payslip' | 'employee'; readonly id: string }[];
  readonly amount: Money;
  readonly summary: string;
  readonly evidence: Readonly<Record<string, string | null>>;
}

/** Finds payslips that must not be posted. */
export const payrollAnomaly = defineAgent({
  name: 'payroll_anomaly',
  purpose:
    "Finds draft payslips that would pay the wrong amount or the wrong person, before the month's payroll is posted.",
  input: z.object({ department: Id('department') }),
  output: Tally,
  model: 'standard',
  priority: 7,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 10, costMicroUsd: 400_000 },
  tools: { listPayslips, listPayslipHistory, listContracts, totalTimesheets, holdPayslip },
  findings: {
    'payroll.leaver': 'A regular payslip pays somebody who left before the month began.',
    'payroll.no_contract': 'A regular payslip pays somebody without a contract in the month.',
    'payroll.double': 'An employee has two regular payslips for the month.',
    'payroll.rate_jump': 'The rate rose against the last month and lies above the contract.',
    'payroll.hours':
      "An hourly employee's paid hours differ from the timesheets, or the gross pay from rate times hours.",
  },
  instructions: `1. Call hr.payslip.list, hr.payslip_history.list, hr.contract.list and hr.timesheet.total once each with the department.
2. Go through the payslips of kind regular in the order given; each gets the first kind that applies, at most one. Corrections are in order, and so is a limit that is met exactly.
- payroll.leaver: leftOn is not null and before from, the first day of the month. Records: [payslip, employee]. Amount: gross.
- payroll.no_contract: hr.contract.list has no contract of the employee. Records: [payslip]. Amount: gross.
- payroll.double: first is not null. Records: [payslip: first, payslip: this one]. Amount: gross of this one.
- payroll.rate_jump: rate is above ${historyFactor} times the employee's rate in hr.payslip_history.list and above ${contractFactor} times that of the employee's last contract in the list. Records: [payslip]. Amount: gross - gross x contract rate / rate.
- payroll.hours: pay is hourly and hours differ by more than ${hoursTolerance} from the employee's total in hr.timesheet.total (0 when not listed), or gross differs by more than ${hoursTolerance} x rate from hours x rate (by all of it when the currencies differ). Records: [payslip]. Amount: the difference of the hours without sign x rate; where gross differs, that of gross from the total x rate, if it is more.
Company: the payslip's. Amounts to as many decimals as their currency has. Severity: critical when the amount is above ${criticalAmount}, else high.
3. For each finding call hr.payslip.hold with the payslip (for payroll.double the later one), expect = its version, and the part of the kind after the dot as reason.
Answer with checked = payslips listed, flagged = findings, exposure = their amounts added up by currency.
Name people by number or id only.`,
}).playbook(async ({ input, tools, finding }) => {
  const [{ from, payslips }, history, { contracts }, { totals }] = await Promise.all([
    tools.listPayslips(input),
    tools.listPayslipHistory(input),
    tools.listContracts(input),
    tools.totalTimesheets(input),
  ]);
  const facts: Facts = {
    from,
    rateByContract: new Map(contracts.map((each) => [each.employee, each.rate])),
    rateBefore: new Map(history.rates.map((each) => [each.employee, each.rate])),
    hours: new Map(totals.map((each) => [each.employee, each.hours])),
  };
  const anomalies = payslips.flatMap((slip) => anomalyOf(slip, facts) ?? []);
  for (const { reason, slip, records, amount, summary, evidence } of anomalies) {
    finding({
      kind: `payroll.${reason}`,
      severity: severityOf(amount),
      records,
      company: slip.company,
      amount,
      summary,
      evidence,
    });
    await tools.holdPayslip({ payslip: slip.id, expect: slip.version, reason });
  }
  return {
    checked: payslips.length,
    flagged: anomalies.length,
    exposure: Money.sumByCurrency(anomalies.map((each) => each.amount)),
  };
});

function severityOf(amount: Money): Severity {
  return Decimal.isAbove(amount.amount, criticalAmount) ? 'critical' : 'high';
}

/** The first rule that a regular payslip breaks, in the order in which one explains the next. */
function anomalyOf(slip: Payslip, facts: Facts): Anomaly | null {
  if (slip.kind !== 'regular') return null;
  return (
    leaver(slip, facts) ??
    noContract(slip, facts) ??
    double(slip) ??
    rateJump(slip, facts) ??
    wrongHours(slip, facts)
  );
}

function leaver(slip: Payslip, { from }: Facts): Anomaly | null {
  if (slip.leftOn === null || slip.leftOn >= from) return null;
  return {
    reason: 'leaver',
    slip,
    records: [recordOf(slip), { entity: 'employee', id: slip.employee }],
    amount: slip.gross,
    summary: `Payslip ${slip.number} pays an employee whose last day was ${slip.leftOn}.`,
    evidence: { leftOn: slip.leftOn },
  };
}

function noContract(slip: Payslip, { rateByContract }: Facts): Anomaly | null {
  if (rateByContract.has(slip.employee)) return null;
  return {
    reason: 'no_contract',
    slip,
    records: [recordOf(slip)],
    amount: slip.gross,
    summary: `Payslip ${slip.number} pays an employee without a contract in the month.`,
    evidence: {},
  };
}

function double(slip: Payslip): Anomaly | null {
  const { first } = slip;
  if (!first) return null;
  return {
    reason: 'double',
    slip,
    records: [recordOf(first), recordOf(slip)],
    amount: slip.gross,
    summary: `Payslip ${slip.number} pays the month a second time, after ${first.number}.`,
    evidence: { first: first.number },
  };
}

function rateJump(slip: Payslip, { rateByContract, rateBefore }: Facts): Anomaly | null {
  const agreed = rateByContract.get(slip.employee);
  const before = rateBefore.get(slip.employee);
  if (!agreed || !before) return null;
  if (!Money.isAbove(slip.rate, Money.times(before, historyFactor))) return null;
  if (!Money.isAbove(slip.rate, Money.times(agreed, contractFactor))) return null;
  const due = Decimal.over(Decimal.times(slip.gross.amount, agreed.amount), slip.rate.amount);
  return {
    reason: 'rate_jump',
    slip,
    records: [recordOf(slip)],
    amount: Money.round(Money.minus(slip.gross, { ...slip.gross, amount: due })),
    summary: `Payslip ${slip.number} pays ${slip.rate.amount} ${slip.rate.currency}; the contract says ${agreed.amount}, the last payslip ${before.amount}.`,
    evidence: { rate: slip.rate.amount, contract: agreed.amount, before: before.amount },
  };
}

function wrongHours(slip: Payslip, { hours }: Facts): Anomaly | null {
  if (slip.pay !== 'hourly') return null;
  const recorded = hours.get(slip.employee) ?? '0';
  const difference = Decimal.abs(Decimal.minus(slip.hours, recorded));
  const isOff = Decimal.isAbove(
    beyond(slip, slip.hours),
    Decimal.times(slip.rate.amount, hoursTolerance),
  );
  if (!isOff && !Decimal.isAbove(difference, hoursTolerance)) return null;
  const tooMuch = Decimal.times(slip.rate.amount, difference);
  const stake = isOff ? beyond(slip, recorded) : tooMuch;
  const { amount: gross, currency } = slip.gross;
  return {
    reason: 'hours',
    slip,
    records: [recordOf(slip)],
    amount: Money.round({ amount: Decimal.isAbove(tooMuch, stake) ? tooMuch : stake, currency }),
    summary: isOff
      ? `Payslip ${slip.number} pays ${gross} ${currency} for ${slip.hours} hours at ${slip.rate.amount} ${slip.rate.currency}; the timesheets have ${recorded}.`
      : `Payslip ${slip.number} pays ${slip.hours} hours; the timesheets have ${recorded}.`,
    evidence: { paid: slip.hours, recorded, ...(isOff && { gross }) },
  };
}

/** How far the gross pay lies from that for so many hours, without sign; all of it where it is in another currency than the rate. */
function beyond({ rate, gross }: Payslip, hours: string): string {
  const due = rate.currency === gross.currency ? Decimal.times(rate.amount, hours) : '0';
  return Decimal.abs(Decimal.minus(gross.amount, due));
}

function recordOf(slip: Pick<Payslip, 'id'>): { readonly entity: 'payslip'; readonly id: string } {
  return { entity: 'payslip', id: slip.id };
}
