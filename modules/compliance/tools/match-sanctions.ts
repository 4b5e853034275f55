import { defineTool, Id, type Row, readText, z } from 'tutti';
import { type ComparableName, candidateScore, comparable, similarity } from '../name-match.ts';

/** As many parties as one call may name. */
export const partiesAtOnce = 500;

const Match = z.object({
  party: Id('party'),
  entry: Id('sanction_entry'),
  entryNumber: z.string(),
  list: z.enum(['EU', 'UN', 'OFAC', 'UK']),
  program: z.string(),
  country: z.string(),
  sameCountry: z.boolean(),
  matched: z.enum(['name', 'alias']),
  /** 0 to 1; 1 = the same but for spelling variants. */
  score: z.number(),
});

/** Names against lists; only scores leave it. */
export const matchSanctions = defineTool({
  name: 'compliance.sanction.match',
  description:
    'Compares the names of parties with the names and aliases that are listed in any of their countries; gives each pair that scores 0.8 or more, best first, with what matched and whether the countries agree.',
  effect: 'read',
  category: 'screening',
  parameters: z.object({ parties: z.array(Id('party')).max(partiesAtOnce) }),
  result: z.object({ matches: z.array(Match) }),
}).handler(async ({ parties: ids }, { erp }) => {
  const parties = await erp.party.list({ id: { in: ids } }, { order: [{ field: 'number' }] });
  const entries = await erp.sanction_entry.list(
    { status: 'listed', country: { in: [...new Set(parties.map((party) => party.country))] } },
    { order: [{ field: 'number' }] },
  );
  const listed = entries.map((entry) => ({ entry, names: namesOf(entry) }));
  const matches = parties.flatMap((party) => {
    const name = comparable(readText(party.name));
    return listed.flatMap(({ entry, names }) => {
      const best = bestOf(name, names);
      return best ? [{ ...best, ...facts(party, entry) }] : [];
    });
  });
  return { matches: matches.sort((a, b) => b.score - a.score) };
});

interface ListedName {
  readonly matched: 'name' | 'alias';
  readonly name: ComparableName;
}

function namesOf(entry: Row<'sanction_entry'>): readonly ListedName[] {
  return [
    { matched: 'name', name: comparable(readText(entry.name)) },
    ...entry.aliases.map((alias) => ({
      matched: 'alias' as const,
      name: comparable(readText(alias.name)),
    })),
  ];
}

/** The best of an entry's names; its first one where two are as good. */
function bestOf(
  name: ComparableName,
  names: readonly ListedName[],
): { readonly matched: 'name' | 'alias'; readonly score: number } | null {
  let best: { readonly matched: 'name' | 'alias'; readonly score: number } | null = null;
  for (const each of names) {
    const score = similarity(name, each.name, candidateScore);
    if (score > (best?.score ?? 0)) best = { matched: each.matched, score };
  }
  return best;
}

function facts(
  party: Row<'party'>,
  entry: Row<'sanction_entry'>,
): Omit<z.input<typeof Match>, 'matched' | 'score'> {
  return {
    party: party.id,
    entry: entry.id,
    entryNumber: entry.number,
    list: entry.list,
    program: entry.program,
    country: entry.country,
    sameCountry: entry.country === party.country,
  };
}
