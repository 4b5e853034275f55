import assert from 'node:assert/strict';
import { type Row, readText, type Text } from 'tutti';
import { fixtureConnector, runTool } from 'tutti/testing';
import { hitScore } from '../../../modules/compliance/name-match.ts';
import { matchSanctions } from '../../../modules/compliance/tools/match-sanctions.ts';
import { scanSplitOrders } from '../../../modules/compliance/tools/scan-split-orders.ts';
import { scoreEntries } from '../../../modules/compliance/tools/score-entries.ts';
import { verifies } from '../../support/verifies.ts';
import {
  assertOnlyProposals,
  assertUnitsReport,
  countOf,
  type Done,
  findsWhatIsPlanted,
  foundOf,
} from '../night.ts';
import { entities, staged } from './night.ts';

const made = staged.company({ seed: 1 });

describe('compliance in the sample company', () => {
  findsWhatIsPlanted(staged, [
    { seed: 1 },
    { seed: 7 },
    { seed: 1, renumber: true, shuffle: true },
    { seed: 7, renumber: true, shuffle: true, asOf: '2027-06-30' },
    { seed: 3, asOf: '2026-03-01' },
    { seed: 1, scale: 2 },
  ]);

  let night: readonly Done[];

  before(async () => {
    night = await staged.night(made);
  });

  it('reads records in every step and reports each unit in figures', () => {
    const units = night.slice(0, -2);
    assert.equal(units.length, 52 + 25 + 16 + 48);
    for (const { agent, recordsRead } of night)
      assert.ok(recordsRead > 0, `${agent} reads nothing`);
    assertUnitsReport(units, 12);
  });

  it('adds up the night in euro', () => {
    const findings = night.flatMap((each) => each.findings);
    const [summary, group] = night.slice(-2).map((each) => each.output as Record<string, unknown>);
    assert.equal(summary?.flagged, findings.length);
    assert.match(JSON.stringify(summary?.exposure), /"amount":"\d{4,}\.\d\d","currency":"EUR"/);
    assert.deepEqual(group, summary);
  });

  it('proposes a block, a case or a sample for what it finds and executes nothing', () => {
    verifies('R12.autonomy');
    const journals = night.filter(
      (each) => each.agent.endsWith('je_testing') && each.findings.length > 0,
    );

    assertOnlyProposals(staged.module, night);
    assert.equal(countOf(night, 'compliance.conflict.record'), foundOf(night, 'duty.'));
    assert.equal(countOf(night, 'compliance.party.block'), foundOf(night, 'sanctions.'));
    assert.equal(countOf(night, 'compliance.case.open'), foundOf(night, 'order.'));
    assert.equal(countOf(night, 'compliance.audit_sample.create'), journals.length);
  });

  it('shows nobody free text', () => {
    const shown = JSON.stringify(night.map(({ findings, effects }) => [findings, effects]));
    const names = ['party', 'sanction_entry'].flatMap((entity) =>
      (made.rows.get(entity) ?? []).map((row) => readText(row.name as Text)),
    );
    assert.ok(names.length > 600);
    assert.deepEqual(
      names.filter((name) => shown.includes(name)),
      [],
    );
  });
});

describe('look-alikes of the sample company', () => {
  const connector = fixtureConnector(entities, made.rows);
  const scope = { module: 'compliance', connector, entities, today: made.asOf };
  const rowsOf = <E extends 'user' | 'role' | 'role_grant' | 'duty_rule' | 'party'>(entity: E) =>
    (made.rows.get(entity) ?? []) as unknown as readonly Row<E>[];
  const read = async (tool: Parameters<typeof runTool>[0], args: unknown): Promise<unknown> => {
    const outcome = await runTool(tool, args, scope);
    assert.equal(outcome.kind, 'result');
    return 'value' in outcome ? outcome.value : null;
  };

  it('has users who hold both duties of a rule, but not now, not there, or not in force', () => {
    const users = new Map(rowsOf('user').map((user) => [user.id, user]));
    const roles = new Map(rowsOf('role').map((role) => [role.id, role]));
    const innocent = { ended: 0, future: 0, elsewhere: 0, locked: 0, retired: 0 };
    for (const [id, grants] of Map.groupBy(rowsOf('role_grant'), (grant) => grant.user)) {
      const holders = (duty: string) =>
        grants.filter((grant) => roles.get(grant.role)?.duties.some((each) => each.duty === duty));
      for (const rule of rowsOf('duty_rule')) {
        for (const first of holders(rule.first)) {
          for (const second of holders(rule.second)) {
            const both = [first, second];
            if (first.company !== second.company) innocent.elsewhere += 1;
            else if (both.some((each) => each.to !== null && each.to < made.asOf))
              innocent.ended += 1;
            else if (both.some((each) => each.from > made.asOf)) innocent.future += 1;
            else if (users.get(id)?.status === 'locked') innocent.locked += 1;
            else if (!rule.active) innocent.retired += 1;
          }
        }
      }
    }
    for (const [why, count] of Object.entries(innocent)) assert.ok(count >= 2, `${why}: ${count}`);
  });

  it('has false friends on the lists: near names, other countries, and a customer blocked already', async () => {
    const parties = rowsOf('party');
    const { matches } = (await read(matchSanctions, {
      parties: parties.map((party) => party.id),
    })) as { matches: readonly { party: string; score: number; sameCountry: boolean }[] };

    const near = matches.filter((each) => each.sameCountry && each.score < hitScore);
    const abroad = matches.filter((each) => !each.sameCountry && each.score >= hitScore);
    const blocked = matches.filter(
      (each) => each.score === 1 && parties.some(({ id, blocked }) => id === each.party && blocked),
    );
    assert.ok(near.length >= 3 && abroad.length >= 3 && blocked.length >= 2);
  });

  it('has entries that bear each mark alone', async () => {
    const alone = new Map<string, number>();
    for (const journal of made.rows.get('journal') ?? []) {
      const entries = (made.rows.get('journal_entry') ?? [])
        .filter((entry) => entry.journal === journal.id && entry.source === 'manual')
        .map((entry) => entry.id);
      const { scores } = (await read(scoreEntries, { journal: journal.id, entries })) as {
        scores: readonly { marks: readonly string[] }[];
      };
      for (const { marks } of scores) {
        const [only] = marks;
        if (only && marks.length === 1) alone.set(only, (alone.get(only) ?? 0) + 1);
      }
    }
    for (const name of ['weekend', 'round', 'seldom_user', 'after_close']) {
      assert.ok((alone.get(name) ?? 0) >= 2, `${name}: ${alone.get(name)}`);
    }
  });

  it('has runs of orders whose sum stays within the limit or just meets it', async () => {
    const runs: { sum: { amount: string }; limit: { amount: string } }[] = [];
    for (const { id } of made.rows.get('department') ?? []) {
      runs.push(...((await read(scanSplitOrders, { department: id })) as { runs: [] }).runs);
    }

    const spare = runs.map((run) => Number(run.limit.amount) - Number(run.sum.amount));
    assert.ok(spare.filter((left) => left === 0).length >= 2);
    assert.ok(spare.filter((left) => left > 0).length >= 2);
  });
});
