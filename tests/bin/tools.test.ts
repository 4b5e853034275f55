import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Place, runCli } from './cli.ts';

const config = fileURLToPath(new URL('../support/fixtures/tools.config.ts', import.meta.url));

describe('the command on tools', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  let fresh: FreshDatabase;
  let place: Place;

  before(async () => {
    fresh = await freshDatabase();
    place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh.drop(this);
  });

  const tutti = (...args: string[]) => runCli(place, ['tools', ...args, '--config', config]);

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
