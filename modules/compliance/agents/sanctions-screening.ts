import { defineAgent, Id, type Severity, z } from 'tutti';
import { hitScore } from '../name-match.ts';
import { portionsOf } from '../portions.ts';
import { Tally } from '../tally.ts';
import { blockParty } from '../tools/block-party.ts';
import { listParties } from '../tools/list-parties.ts';
import { matchSanctions, partiesAtOnce } from '../tools/match-sanctions.ts';

/** Finds business partners who are on a sanctions list. */
export const sanctionsScreening = defineAgent({
  name: 'sanctions_screening',
  purpose: 'Screens parties against the sanctions lists and blocks those who match.',
  input: z.object({ group: Id('party_group') }),
  output: Tally,
  model: 'standard',
  priority: 9,
  critical: true,
  limits: { timeoutMs: 120_000, turns: 8, costMicroUsd: 300_000 },
  tools: { listParties, matchSanctions, blockParty },
  findings: {
    'sanctions.exact': 'A party bears the name of a listed one in the same country.',
    'sanctions.alias': 'A party bears an alias of a listed one in the same country.',
    'sanctions.near':
      'A party bears nearly the name or an alias of a listed one in the same country: typing errors apart, the same.',
  },
  instructions: `1. Call compliance.party.list with the group, then compliance.sanction.match with the ids of all its parties; with more than ${partiesAtOnce}, once for each ${partiesAtOnce}.
2. A match is a hit when sameCountry is true, score is ${hitScore} or more, and the party is not blocked. Everything else is in order: a lower score, or another country, is a false friend.
3. Report each hit: sanctions.near (severity high) when score is below 1; else sanctions.exact when it matched the name, sanctions.alias when it matched an alias (both critical). Records: [party, sanction_entry]. No company, no amount.
4. For each party with hits call compliance.party.block once with the party, expect = its version, and the entry of its hit that is listed first.
Answer with checked = parties listed, flagged = findings, exposure = [].
Scores decide; you never see the names and must not ask for them. Never release a party.`,
}).playbook(async ({ input, tools, finding }) => {
  const { parties } = await tools.listParties(input);
  const matches: z.infer<typeof matchSanctions.result>['matches'] = [];
  for (const portion of portionsOf(parties, partiesAtOnce)) {
    const found = await tools.matchSanctions({ parties: portion.map((party) => party.id) });
    matches.push(...found.matches);
  }
  const matchesOf = Map.groupBy(matches, (match) => match.party);
  let flagged = 0;
  for (const party of parties) {
    if (party.blocked) continue;
    const hits = (matchesOf.get(party.id) ?? []).filter(
      (match) => match.sameCountry && match.score >= hitScore,
    );
    const [best] = hits;
    if (!best) continue;
    await tools.blockParty({ party: party.id, expect: party.version, entry: best.entry });
    for (const hit of hits) {
      const [kind, severity] = verdictOn(hit);
      flagged += 1;
      finding({
        kind,
        severity,
        records: [
          { entity: 'party', id: party.id },
          { entity: 'sanction_entry', id: hit.entry },
        ],
        summary: `Party ${party.number} matches ${hit.entryNumber} of the ${hit.list} list (${hit.program}) with ${hit.score.toFixed(3)}, both in ${hit.country}.`,
        evidence: { score: hit.score, matched: hit.matched, list: hit.list, country: hit.country },
      });
    }
  }
  return { checked: parties.length, flagged, exposure: [] };
});

function verdictOn(hit: {
  readonly score: number;
  readonly matched: 'name' | 'alias';
}): readonly [kind: string, severity: Severity] {
  if (hit.score < 1) return ['sanctions.near', 'high'];
  return [hit.matched === 'name' ? 'sanctions.exact' : 'sanctions.alias', 'critical'];
}
