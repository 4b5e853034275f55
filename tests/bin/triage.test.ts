import assert from 'node:assert/strict';
import type { TriagedFinding } from '../../core/engine/findings/findings.ts';
import { fixtureConfig, useCli } from './cli.ts';

describe('tutti triage', function () {
  this.timeout(180_000);
  const { tutti } = useCli(fixtureConfig('echo'));

  before(async () => {
    const run = await tutti('run', 'chorus', '--input', '{"values":["a","b"]}');
    assert.equal(run.code, 0, run.stderr);
  });

  const listed = async (state: string): Promise<readonly TriagedFinding[]> =>
    JSON.parse((await tutti('findings', '--state', state, '--json')).stdout);

  it('says what is to become of a finding, and whose it is', async () => {
    const open = await tutti('findings', '--state', 'open');
    const [first, second] = await listed('open');
    const digits = first?.fingerprint.slice(0, 12) ?? '';

    const said = await tutti('triage', digits, '--state', 'accepted', '--assignee', 'Anna');
    const kept = await tutti('triage', digits, '--state', 'resolved', '--note', 'Paid.', '--json');

    assert.match(open.stdout, new RegExp(`^${digits} +low +group +12\\.50 EUR +echo\\.say`, 'm'));
    assert.match(open.stdout, /^2 findings\.$/m);
    assert.equal(said.stdout, `Finding ${digits} is accepted, and anna's.\n`, said.stderr);
    const { state, assignee, note, actor } = JSON.parse(kept.stdout);
    assert.deepEqual([state, assignee, note], ['resolved', 'anna', 'Paid.']);
    assert.match(actor.id, /^cli:/);
    assert.deepEqual(
      (await listed('open')).map(({ fingerprint }) => fingerprint),
      [second?.fingerprint],
    );
    const again = await tutti('triage', digits, '--state', 'open', '--assignee', '', '--json');
    assert.equal(JSON.parse(again.stdout).assignee, null);
  });

  it('refuses what is no finding and no state, and ends with 2', async () => {
    const wrong: readonly (readonly [RegExp, readonly string[]])[] = [
      [/^FINDING_UNKNOWN: /, ['triage', 'f'.repeat(12), '--state', 'open']],
      [/^INPUT_INVALID: 'odd' is no fingerprint/, ['triage', 'odd', '--state', 'open']],
      [/^INPUT_INVALID: 'gone' is no state/, ['triage', 'f'.repeat(12), '--state', 'gone']],
      [
        /^INPUT_INVALID: tutti triage needs --state, one of open, accepted/,
        ['triage', 'f'.repeat(12)],
      ],
      [/^INPUT_INVALID: 'gone' is no state/, ['findings', '--state', 'gone']],
    ];
    for (const [message, args] of wrong) {
      const { code, stderr } = await tutti(...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, message);
    }
  });
});
