import type { SampleWorld } from 'tutti';

/** Who orders, and for which department. */
export interface Buyer {
  readonly buyer: string;
  readonly department: string;
}

/** One user in six of a company orders, always for the same department. */
export function buyersOf(world: SampleWorld): ReadonlyMap<string, readonly Buyer[]> {
  const { random } = world;
  const companyOf = new Map(world.all('user_group').map((group) => [group.id, group.company]));
  const departments = Map.groupBy(world.all('department'), (department) => department.company);
  const people = world.all('user').filter((user) => user.status === 'active' && user.employee);
  const byCompany = Map.groupBy(people, (user) => companyOf.get(user.group) ?? '');
  return new Map(
    [...byCompany].map(([company, users]) => {
      const chosen = random.shuffle(users).slice(0, Math.max(3, Math.ceil(users.length / 6)));
      const own = departments.get(company) ?? [];
      return [
        company,
        chosen.map((user, index) => ({
          buyer: user.id,
          department: own[index % own.length]?.id ?? '',
        })),
      ];
    }),
  );
}
