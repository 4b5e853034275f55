import { defineTool, Id, z } from 'tutti';

/** Why a payslip is held; the last part of the finding's kind. */
export const HoldReason = z.enum(['leaver', 'no_contract', 'double', 'rate_jump', 'hours']);

/** Keeps a payslip from being posted. */
export const holdPayslip = defineTool({
  name: 'hr.payslip.hold',
  description: 'Takes a draft payslip out of the payroll until a person releases it.',
  effect: 'propose',
  category: 'payroll',
  duty: 'hold_payslip',
  parameters: z.object({ payslip: Id('payslip'), expect: z.string(), reason: HoldReason }),
  result: z.object({ id: Id('payslip'), version: z.string() }),
  undo: { action: 'release' },
  key: ({ payslip, reason }) => [payslip, reason],
  scope: 'run',
  binds: () => ['gross', 'hours', 'rate'],
  amount: async ({ payslip }, { erp }) => (await erp.payslip.get(payslip)).gross,
}).handler(async ({ payslip, expect, reason }, { erp }) => {
  const { id, version } = await erp.payslip.act(payslip, 'hold', { reason }, { expect });
  return { id, version };
});
