import assert from 'node:assert/strict';
import { finance } from '../../../modules/finance/index.ts';
import { financeCompany, mark, runNight } from './night.ts';

describe('finance in the sample company', () => {
  for (const options of [
    { seed: 1 },
    { seed: 7 },
    { seed: 1, renumber: true, shuffle: true },
    { seed: 7, renumber: true, shuffle: true, asOf: '2027-06-30' },
    { seed: 3, asOf: '2026-03-05' },
    { seed: 1, scale: 2 },
  ]) {
    it(`finds exactly what was planted (${JSON.stringify(options)})`, async () => {
      const made = financeCompany(options);
      const truth = made.truth.filter((each) => each.agent.startsWith('finance.'));

      const night = await runNight(made);

      const found = night.flatMap(({ agent, findings }) =>
        findings.map((finding) => mark({ agent, ...finding })),
      );
      assert.deepEqual(found.toSorted(), truth.map(mark).toSorted());
      for (const agent of finance.agents) {
        for (const kind of Object.keys(agent.findings ?? {})) {
          const planted = truth.filter((each) => each.kind === kind);
          assert.ok(planted.length >= 2, `${kind} is planted ${planted.length} times`);
        }
      }
    }).timeout(60_000);
  }

  it('reads records in every step and reports each unit in figures', async () => {
    const night = await runNight(financeCompany({ seed: 1 }));

    assert.ok(night.length > 300);
    for (const { toolCalls, output, findings } of night) {
      assert.ok(toolCalls >= 1 && toolCalls <= 30);
      const { flagged, checked } = output as { flagged: number; checked: number };
      assert.equal(flagged, findings.length);
      assert.ok(checked >= flagged);
    }
  }).timeout(60_000);

  it('proposes a hold for what can still be held and executes nothing', async () => {
    const night = await runNight(financeCompany({ seed: 1 }));

    const effects = night.flatMap((each) => each.effects);
    assert.ok(effects.every((effect) => effect.state === 'proposed'));
    const holdable = night
      .flatMap((each) => each.findings)
      .filter(({ kind }) => kind.startsWith('match.') || kind === 'duplicate.unpaid');
    const holds = effects.filter((effect) => effect.tool === 'finance.hold.place');
    assert.equal(holds.length, holdable.length);
    const parked = effects.filter((effect) => effect.tool === 'finance.bank_fee.park');
    const fees = night.flatMap((each) => each.findings).filter(({ kind }) => kind === 'bank.fee');
    assert.equal(parked.length, fees.length);
  }).timeout(60_000);

  it('makes a ledger in which every entry balances', () => {
    const { rows } = financeCompany({ seed: 7 });

    for (const entry of rows.get('journal_entry') ?? []) {
      const lines = entry.lines as readonly { debit: string; credit: string; account: string }[];
      const cents = (side: 'debit' | 'credit') =>
        lines.reduce((sum, line) => sum + Math.round(Number(line[side]) * 100), 0);
      assert.equal(cents('debit'), cents('credit'), `entry ${entry.number}`);
      assert.ok(lines.every((line) => line.account !== ''));
    }
  });
});
