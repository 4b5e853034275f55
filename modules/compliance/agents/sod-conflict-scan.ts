import { defineAgent, Id, Money, type Severity, z } from 'tutti';
import { isInForce } from '../term.ts';
import { listDutyRules } from '../tools/list-duty-rules.ts';
import { listGrants } from '../tools/list-grants.ts';
import { recordConflict } from '../tools/record-conflict.ts';

export const sodConflictScan = defineAgent({
  name: 'sod_conflict_scan',
  purpose: 'Finds users whose roles together give them two duties that must not be in one hand.',
  input: z.object({ group: Id('user_group') }),
  output: z.object({ checked: z.int(), flagged: z.int(), exposure: z.array(Money) }),
  model: 'fast',
  priority: 6,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 8, costMicroUsd: 20_000 },
  tools: { listGrants, listDutyRules, recordConflict },
  findings: {
    'duty.conflict':
      'An active user holds both duties of a rule in one company, through grants that are in force today.',
  },
  instructions: `You review who may do what in the ERP, one group of users at a time.
1. Call compliance.role_grant.list with the group and compliance.duty_rule.list.
2. Skip users whose status is locked. A grant counts when from <= today and to is null or >= today.
3. For each user and company, join the duties of the grants that count in that company. Duties in different companies
   never meet. The user breaks each rule whose first and second duty are both in the joined set.
4. For each rule broken by a user in a company: call compliance.conflict.record, and report one finding duty.conflict with
   the records [user, duty_rule], that company, and the rule's risk as the severity.
Output: checked = users of the group, locked ones included; flagged = findings; exposure = [].
Never name a person; logins and codes are enough. Never judge by a grant's reason.`,
}).playbook(async ({ input, tools, finding, today }) => {
  const [{ users }, { rules }] = await Promise.all([
    tools.listGrants(input),
    tools.listDutyRules({}),
  ]);
  let flagged = 0;
  for (const user of users) {
    if (user.status === 'locked') continue;
    const inForce = user.grants.filter((grant) => isInForce(grant, today));
    for (const [company, grants] of Map.groupBy(inForce, (grant) => grant.company)) {
      const duties = new Set(grants.flatMap((grant) => grant.duties));
      for (const rule of rules) {
        if (!duties.has(rule.first) || !duties.has(rule.second)) continue;
        await tools.recordConflict({ user: user.id, rule: rule.id, company });
        flagged += 1;
        finding({
          kind: 'duty.conflict',
          severity: rule.risk satisfies Severity,
          company,
          records: [
            { entity: 'user', id: user.id },
            { entity: 'duty_rule', id: rule.id },
          ],
          summary: `User ${user.login} may both ${rule.first} and ${rule.second} in ${company}, against rule ${rule.code}.`,
          evidence: { rule: rule.code, first: rule.first, second: rule.second },
        });
      }
    }
  }
  return { checked: users.length, flagged, exposure: [] };
});
