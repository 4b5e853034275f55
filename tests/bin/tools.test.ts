import assert from 'node:assert/strict';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, useCli } from './cli.ts';

describe('the command on tools', function () {
  this.timeout(180_000);
  const lab = useCli(fixtureConfig('tools'));
  const tutti = (...args: string[]) => lab.tutti('tools', ...args);

  it('lists tools, shows one, and gives it to an agent until it is taken back', async () => {
    verifies('R5.tool-access', 'R5.tool-category');
    const listed = await tutti('--category', 'bank');
    const given = await tutti('grant', 'vault.box.open', '--agent', 'desk.clerk', '--as', 'Anna');
    const taken = await tutti('revoke', 'vault.box.open', '--agent', 'desk.clerk');
    const unknown = await tutti('show', 'vault.box.eat');
    const wrong = await tutti('grant', 'vault.box.open');

    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /^vault\.box\.see +bank +read +public +100 \/min +0 +0$/m);
    assert.match(listed.stdout, /4 tools; calls of the last 7 days/);
    assert.equal(given.code, 0, given.stderr);
    assert.match(given.stdout, /May call it:\n +desk\.clerk +by grant/);
    assert.match(taken.stdout, /desk\.clerk +refused/);
    assert.deepEqual([unknown.code, wrong.code], [2, 2]);
    assert.match(unknown.stderr, /TOOL_UNKNOWN/);
  });
});
