import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { RunHead, RunSummary } from '../../core/engine/history/views.ts';
import type { Plan } from '../../core/engine/plan/plan.ts';
import { booksDatabase } from '../support/company.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { openYard, rowCounts, stock, yardConfig } from '../support/yard.ts';
import { type Place, runCli } from './cli.ts';

const config = fileURLToPath(yardConfig);
const fast = ['--rehearse', '--speed', '1000'];

describe('tutti plan, and runs that are rehearsed or bound', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  let fresh: FreshDatabase;
  let place: Place;
  let tenantId: number;

  before(async () => {
    fresh = await booksDatabase();
    place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
    const host = await openYard(fresh);
    ({ tenantId } = await host.sampleTenant(1));
    await host.close();
    await stock(fresh, tenantId, { 'c-1': 'a', 'c-2': 'b' });
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  const tutti = (...args: string[]) => runCli(place, [...args, '--config', config]);

  it('shows who would work, what it would cost, how long it would take and what it would write', async () => {
    verifies('R7.plan');
    const before = await rowCounts(fresh);

    const { code, stdout, stderr } = await tutti('plan', 'round');

    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Plan of round for Tuesday, 30 June 2026\n\nAgents: 6\n {2}Yard +6\n/);
    assert.match(stdout, /^Model calls: 13$/m);
    assert.match(
      stdout,
      /^ {2}\$0\.\d+ expected, by simulated calls at list prices; \$0\.\d+ if /m,
    );
    assert.match(
      stdout,
      /^Time: [\d.]+ s\n {2}no limit counts: it is the longest chain of steps$/m,
    );
    assert.match(stdout, /^Writes or proposals: 3\n {2}mark crate +3$/m);
    assert.match(stdout, /^ {2}Bind a run to it: {2}tutti run round --plan [0-9a-f]{64}$/m);
    assert.deepEqual(await rowCounts(fresh), before);
  });

  it('prints the plan as one JSON document', async () => {
    const input = ['--input', '{"isDry":false}', '--company', 'MCG-DE'];

    const { stdout } = await tutti(
      'plan',
      'round',
      '--json',
      '--business-date',
      '2026-07-01',
      ...input,
    );

    const plan = JSON.parse(stdout) as Plan;
    assert.deepEqual([plan.agents, plan.businessDate, plan.company], [5, '2026-07-01', 'MCG-DE']);
  });

  it('marks a rehearsal as one, in all that it prints and lists', async () => {
    const shown = await tutti('run', 'round', '--goal', 'Go round once.', ...fast);
    const listed = await tutti('runs');
    const printed = await tutti('runs', '--json');

    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /^Rehearsal [0-9a-f-]{36} of 'round'\.$/m);
    assert.match(
      shown.stdout,
      /rehearsal of round succeeded\n {2}Goal: Go round once\.\n {2}A rehearsal: model calls, /,
    );
    assert.match(shown.stdout, /^Writes it would have had: 3$/m);
    assert.match(shown.stdout, /\(simulated\) for [\d,]+ tokens in/);
    assert.match(listed.stdout, / round \(rehearsal\) +succeeded .* Go round once\.$/m);
    assert.equal((JSON.parse(printed.stdout) as RunHead[])[0]?.rehearsal, true);
  });

  it('binds a run to a plan, and refuses it once the plan no longer holds', async () => {
    const { stdout } = await tutti('plan', 'round', '--json');
    const { hash } = JSON.parse(stdout) as Plan;

    const bound = await tutti('run', 'round', '--json', '--plan', hash, ...fast);
    await stock(fresh, tenantId, { 'c-3': 'new' });
    const late = await tutti('run', 'round', '--plan', hash);

    assert.equal((JSON.parse(bound.stdout) as RunSummary).status, 'succeeded', bound.stderr);
    assert.equal(late.code, 1);
    assert.match(
      late.stderr,
      new RegExp(`^PLAN_CHANGED: The plan ${hash.slice(0, 12)}… no longer `),
    );
  });

  for (const [args, said] of [
    [['run', 'round', '--speed', '5'], /--speed is for rehearsals; add --rehearse\./],
    [['run', 'round', '--plan', 'e8'], /--plan takes the 64 characters/],
    [['plan', 'round', '--business-date', '2026-02-30'], /--business-date takes a day/],
    [['plan', 'nothing'], /There is no workflow 'nothing'/],
  ] as const) {
    it(`refuses tutti ${args.join(' ')}`, async () => {
      const { code, stderr } = await tutti(...args);

      assert.equal(code, 2);
      assert.match(stderr, said);
    });
  }
});
