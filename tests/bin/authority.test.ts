import assert from 'node:assert/strict';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, useCli } from './cli.ts';

describe('the commands on authority', function () {
  this.timeout(180_000);
  const lab = useCli(fixtureConfig('authority'));
  const { tutti } = lab;

  it('stop, list and lift', async () => {
    verifies('R12.kill-switch');
    const stopped = await tutti('stop', 'agent:cabinet.opener', '--reason', 'it opens too much');
    const listed = await tutti('stops');
    const wrong = await tutti('stop', 'agent:cabinet.nobody');
    const lifted = await tutti('stop', 'agent:cabinet.opener', '--lift');
    const again = await tutti('stop', 'agent:cabinet.opener', '--lift');

    assert.equal(stopped.code, 0, stopped.stderr);
    assert.match(stopped.stdout, /'agent:cabinet.opener' is stopped/);
    assert.match(listed.stdout, /^agent:cabinet\.opener .*cli:.* it opens too much/m);
    assert.match(listed.stdout, /1 stop in force/);
    assert.equal(wrong.code, 2);
    assert.equal(lifted.code, 0);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /STOP_UNKNOWN/);
  });

  it('list levels, set one and take it back', async () => {
    verifies('R12.autonomy');
    const names = ['cabinet.maker', 'cabinet.drawer.make'];
    const before = await tutti('autonomy', 'cabinet.maker');
    const set = await tutti('autonomy', ...names, 'propose');
    const wrong = await tutti('autonomy', ...names, 'anything');
    const reset = await tutti('autonomy', ...names, '--reset');
    const unknown = await tutti('autonomy', 'cabinet.baker');
    const shadow = await tutti('shadow');

    assert.equal(before.code, 0, before.stderr);
    assert.match(
      before.stdout,
      /^cabinet\.maker +cabinet\.drawer\.make +all +act +policy cabinet$/m,
    );
    assert.match(set.stdout, /^cabinet\.maker +cabinet\.drawer\.make +all +propose +setting$/m);
    assert.equal(wrong.code, 2);
    assert.match(reset.stdout, /policy cabinet$/m);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /^AGENT_UNKNOWN: There is no agent 'cabinet\.baker'/);
    assert.equal(shadow.code, 0, shadow.stderr);
    assert.match(shadow.stdout, /0 effects in the shadow/);
  });
});
