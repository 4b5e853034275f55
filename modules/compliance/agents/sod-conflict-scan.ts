import { defineAgent, Id, type Severity, z } from 'tutti';
import { Tally } from '../tally.ts';
import { isInForce } from '../term.ts';
import { listDutyRules } from '../tools/list-duty-rules.ts';
import { listGrants } from '../tools/list-grants.ts';
import { recordConflict } from '../tools/record-conflict.ts';

/** Finds users who hold two duties that must be apart. */
export const sodConflictScan = defineAgent({
  name: 'sod_conflict_scan',
  purpose: 'Finds users whose roles together give them two duties that must not be in one hand.',
  input: z.object({ group: Id('user_group') }),
  output: Tally,
  model: 'fast',
  priority: 6,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 8, costMicroUsd: 200_000 },
  tools: { listGrants, listDutyRules, recordConflict },
  findings: {
    'duty.conflict':
      'An active user holds both duties of a rule in one company, through grants that are in force today.',
  },
  instructions: `1. Call compliance.role_grant.list with the group, and compliance.duty_rule.list.
2. Skip users whose status is locked. A grant counts when from is the business date or earlier and to is null, the business date or later.
3. For each user and company join the duties of the grants that count there; duties in different companies never meet. The user breaks each rule whose first and second duty are both among them.
4. For each user, company and rule broken report duty.conflict and call compliance.conflict.record with the three. Records: [user, duty_rule]. Company: that company. Severity: the rule's risk. No amount.
Answer with checked = users listed, locked ones included, flagged = findings, exposure = [].
Name users by login only.`,
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
