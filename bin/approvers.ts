import { personsOf } from '../core/engine/approvals/rules.ts';
import type { Config } from '../core/ports/config.ts';
import type { Tier } from '../core/sdk/policy/tier.ts';

/** The tiers of a configuration that need more people than may agree: what falls into them never happens. One line each. */
export function lackOfApprovers({ modules, policies = [], roles = {} }: Config): readonly string[] {
  const tiers = [...modules.flatMap((module) => module.policies), ...policies].flatMap(
    (policy): readonly Tier[] => policy.tiers ?? [],
  );
  const lacking = tiers.flatMap(({ name, by, required = 1, escalate }) => {
    const asked = [...by, ...(escalate?.to ?? [])];
    const persons = personsOf(asked, roles).length;
    return persons < required
      ? [`tier '${name}' needs ${required} people, and ${asked.join(', ')} are ${persons}`]
      : [];
  });
  const isNobody = (roles.approver ?? []).length === 0;
  return isNobody
    ? [...lacking, "nobody holds the role 'approver', which is asked where no tier says whom"]
    : lacking;
}
