import { defineTool, Id, z } from 'tutti';

/** Which duties must be apart. */
export const listDutyRules = defineTool({
  name: 'compliance.duty_rule.list',
  description: 'Lists the rules in force: pairs of duties that no user may hold in one company.',
  effect: 'read',
  category: 'access',
  parameters: z.object({}),
  result: z.object({
    rules: z.array(
      z.object({
        id: Id('duty_rule'),
        code: z.string(),
        first: z.string(),
        second: z.string(),
        risk: z.enum(['medium', 'high', 'critical']),
      }),
    ),
  }),
}).handler(async (_, { erp }) => {
  const rules = await erp.duty_rule.list({ active: true }, { order: [{ field: 'code' }] });
  return {
    rules: rules.map(({ id, code, first, second, risk }) => ({ id, code, first, second, risk })),
  };
});
