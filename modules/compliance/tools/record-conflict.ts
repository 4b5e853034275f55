import { defineTool, EngineError, Id, z } from 'tutti';
import { openAuditCase } from '../audit-case.ts';

/** A case about duties in one hand, for somebody to look into. */
export const recordConflict = defineTool({
  name: 'compliance.conflict.record',
  description: 'Drafts an audit case about a user who holds both duties of a rule in a company.',
  effect: 'write',
  category: 'access',
  duty: 'open_audit_case',
  parameters: z.object({ user: Id('user'), rule: Id('duty_rule'), company: z.string() }),
  result: z.object({ id: Id('audit_case'), version: z.string() }),
  undo: { action: 'withdraw' },
  key: ({ user, rule, company }) => [user, rule, company],
  scope: 'run',
  binds: () => ['login', 'status'],
}).handler(async ({ user, rule, company }, context) => {
  const { status } = await context.erp.user.get(user);
  if (status === 'locked') {
    throw new EngineError(
      'ERP_REJECTED',
      `User ${user} is locked by now, so nothing can be done with the duties; drop the proposal.`,
    );
  }
  return openAuditCase(
    {
      kind: 'duty_conflict',
      company,
      amount: null,
      records: [
        { entity: 'user', record: user },
        { entity: 'duty_rule', record: rule },
      ],
    },
    context,
  );
});
