import { defineTool, Id, z } from 'tutti';

/** Who may do what, where and when. */
export const listGrants = defineTool({
  name: 'compliance.role_grant.list',
  description:
    "Lists the users of a group with their status and all role grants, past and future ones included, each with its company, its term and the role's duties.",
  effect: 'read',
  category: 'access',
  sensitive: true,
  parameters: z.object({ group: Id('user_group') }),
  result: z.object({
    users: z.array(
      z.object({
        id: Id('user'),
        login: z.string(),
        status: z.enum(['active', 'locked']),
        grants: z.array(
          z.object({
            role: z.string(),
            company: z.string(),
            from: z.iso.date(),
            /** The last day; null = until further notice. */
            to: z.iso.date().nullable(),
            duties: z.array(z.string()),
          }),
        ),
      }),
    ),
  }),
}).handler(async ({ group }, { erp }) => {
  const users = await erp.user.list({ group }, { order: [{ field: 'login' }] });
  const grants = await erp.role_grant.list(
    { user: { in: users.map((user) => user.id) } },
    { order: [{ field: 'number' }] },
  );
  const roles = await erp.role.list({
    id: { in: [...new Set(grants.map((grant) => grant.role))] },
  });
  const roleOf = new Map(roles.map((role) => [role.id, role]));
  const grantsOf = Map.groupBy(grants, (grant) => grant.user);
  return {
    users: users.map((user) => ({
      id: user.id,
      login: user.login,
      status: user.status,
      grants: (grantsOf.get(user.id) ?? []).map((grant) => ({
        role: roleOf.get(grant.role)?.code ?? '',
        company: grant.company,
        from: grant.from,
        to: grant.to,
        duties: (roleOf.get(grant.role)?.duties ?? []).map((each) => each.duty),
      })),
    })),
  };
});
