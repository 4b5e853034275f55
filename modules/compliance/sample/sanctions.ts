import { type Draft, readText, type SampleWorld } from 'tutti';
import { type ComparableName, comparable, hitScore, similarity } from '../name-match.ts';
import { addListed, drawListed, type ListedPlan } from './listed-names.ts';
import { countAt } from './memo.ts';
import { misspell, respell } from './spelling.ts';

/** Adds the sanctions lists: strangers, and among them names that parties of the group bear or nearly bear. */
export function addSanctions(world: SampleWorld): void {
  const candidates = world.random.shuffle(world.all('party')).map((party) => {
    const name = readText(party.name);
    return { party, name, compared: comparable(name) };
  });
  const byCountry = Map.groupBy(candidates, ({ party }) => party.country);
  const strangers = Array.from({ length: 420 }, () => drawStranger(world, byCountry));
  const planting = new Planting(world, candidates, byCountry);
  planting.plantHits();
  planting.plantLookAlikes();
  const entries = addListed(world, [...strangers, ...planting.plans]);
  for (const { kind, party, plan } of planting.truths) {
    world.expect({
      agent: 'compliance.sanctions_screening',
      kind,
      records: [
        { entity: 'party', id: party.id },
        { entity: 'sanction_entry', id: entries.get(plan)?.id ?? '' },
      ],
    });
  }
}

interface Candidate {
  readonly party: Draft<'party'>;
  readonly name: string;
  readonly compared: ComparableName;
}
type ByCountry = ReadonlyMap<string, readonly Candidate[]>;

// Nobody comes nearer to a name by accident; hits begin at 0.92.
const accident = hitScore - 0.03;

/** Somebody whom no party of the same country resembles. */
function drawStranger(world: SampleWorld, byCountry: ByCountry): ListedPlan {
  for (;;) {
    const plan = drawListed(world);
    if (!resemblesAny(plan, byCountry.get(plan.country) ?? [])) return plan;
  }
}

function resemblesAny(plan: ListedPlan, candidates: readonly Candidate[]): boolean {
  const names = [plan.name, ...plan.aliases].map(comparable);
  return candidates.some(({ compared }) =>
    names.some((name) => similarity(compared, name, accident) > 0),
  );
}

interface SanctionTruth {
  readonly kind: 'sanctions.exact' | 'sanctions.alias' | 'sanctions.near';
  readonly party: Draft<'party'>;
  readonly plan: ListedPlan;
}

type Listing = (plan: ListedPlan, of: Candidate) => ListedPlan | null;

/** Puts names of parties on the lists, each party once. */
class Planting {
  readonly plans: ListedPlan[] = [];
  readonly truths: SanctionTruth[] = [];
  readonly #world: SampleWorld;
  readonly #victims: Candidate[];
  readonly #byCountry: ByCountry;

  constructor(world: SampleWorld, candidates: readonly Candidate[], byCountry: ByCountry) {
    this.#world = world;
    // One mistake in a shorter name would be more than one letter in 13.
    this.#victims = candidates.filter(({ compared }) => compared.written.length >= 14);
    this.#byCountry = byCountry;
  }

  plantHits(): void {
    const { random } = this.#world;
    for (let left = countAt(this.#world, 3); left > 0; left--) {
      this.#hit('sanctions.exact', (plan, { name }) => ({ ...plan, name: respell(name, random) }));
      this.#hit('sanctions.alias', (plan, { name }) => withAlias(plan, respell(name, random)));
      const asAlias = random.chance(0.5);
      this.#hit('sanctions.near', (plan, { name }) => {
        const nearly = misspell(name, random, 1);
        if (nearly === null) return null;
        return asAlias ? withAlias(plan, nearly) : { ...plan, name: nearly };
      });
    }
  }

  /** False friends: each is in order. */
  plantLookAlikes(): void {
    const { random } = this.#world;
    const countries = [...this.#byCountry.keys()];
    for (let left = countAt(this.#world, 3); left > 0; left--) {
      this.#list((plan, { name, party }) => ({
        ...plan,
        name: respell(name, random),
        country: random.pick(countries.filter((country) => country !== party.country)),
      }));
      // More than one letter in ten is wrong: another name, not a typing error.
      this.#list((plan, { name, compared }) => {
        const other = misspell(name, random, Math.ceil(compared.written.length * 0.105));
        return other === null ? null : { ...plan, name: other };
      });
      this.#list((plan, { name }) => ({
        ...plan,
        name: respell(name, random),
        status: 'delisted',
      }));
    }
    // Blocked already. Customers only: the payment of a blocked supplier would be somebody else's finding.
    for (let left = countAt(this.#world, 1); left > 0; left--) {
      const listed = this.#list(
        (plan, { name }) => ({ ...plan, name: respell(name, random) }),
        ({ party }) => !party.supplier,
      );
      if (listed) listed.party.blocked = true;
    }
  }

  #hit(kind: SanctionTruth['kind'], listing: Listing): void {
    const listed = this.#list(listing);
    if (listed) this.truths.push({ kind, ...listed });
  }

  /** Lists the name of the first party whose listing concerns no other party. */
  #list(
    listing: Listing,
    fits: (of: Candidate) => boolean = () => true,
  ): { readonly party: Draft<'party'>; readonly plan: ListedPlan } | null {
    for (const [index, victim] of this.#victims.entries()) {
      if (!fits(victim)) continue;
      const { country } = victim.party;
      const own = this.#byCountry.get(country) ?? [];
      const basis = { ...drawStranger(this.#world, this.#byCountry), country };
      const plan = listing({ ...basis, status: 'listed' }, victim);
      if (!plan || resemblesAny(basis, own)) continue;
      const others = this.#byCountry.get(plan.country)?.filter((each) => each !== victim) ?? [];
      if (resemblesAny(plan, others)) continue;
      this.#victims.splice(index, 1);
      this.plans.push(plan);
      return { party: victim.party, plan };
    }
    return null;
  }
}

function withAlias(plan: ListedPlan, alias: string): ListedPlan {
  return { ...plan, aliases: [...plan.aliases, alias] };
}
