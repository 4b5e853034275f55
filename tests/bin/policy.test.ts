import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { fixtureConfig, useCli } from './cli.ts';

describe('tutti policy', function () {
  this.timeout(180_000);
  const lab = useCli(fixtureConfig('authority'));
  const { tutti } = lab;
  const folder = scratchFolder({});
  after(() => folder[Symbol.dispose]());

  const fileOf = (autonomy: string): string => {
    const file = join(folder.path, `${autonomy}.yaml`);
    writeFileSync(
      file,
      `name: cabinet\ngrants:\n  - { agents: [cabinet.*], autonomy: ${autonomy} }\n`,
    );
    return file;
  };

  it('checks, publishes, compares, and lets a second person agree to what is wider', async () => {
    verifies('R12.policy');
    const [strict, wide] = [fileOf('propose'), fileOf('act')];
    const checked = await tutti('policy', 'check', strict);
    const published = await tutti('policy', 'publish', strict);
    const asked = await tutti('policy', 'publish', wide, '--as', 'anna');
    const shown = await tutti('policy', 'show', 'cabinet');
    const own = await tutti('policy', 'agree', 'cabinet', '1', '--as', 'anna');
    const agreed = await tutti('policy', 'agree', 'cabinet', '1', '--as', 'ben');
    const diff = await tutti('policy', 'diff', 'cabinet', '1', '2');
    const levels = await tutti('autonomy', 'cabinet.maker');
    const rolled = await tutti('policy', 'rollback', 'cabinet', '--from', '2126-07-31T12:00:00Z');
    const listed = await tutti('policy', 'list');

    assert.equal(checked.code, 0, checked.stderr);
    assert.match(
      checked.stdout,
      /stricter: cabinet\.maker may propose with cabinet\.drawer\.make; before: act/,
    );
    assert.match(published.stdout, /Version 1 of 'cabinet' is in force/);
    assert.match(asked.stdout, /waits for a second person: tutti policy agree cabinet 1/);
    assert.match(asked.stdout, /wider: cabinet\.\* may act with \*; before: propose/);
    assert.match(shown.stdout, /What counts is version 1\.\nVersion 2 waits for a second person/);
    assert.match(own.stderr, /APPROVAL_NOT_YOURS/);
    assert.match(agreed.stdout, /Version 2 of 'cabinet' is in force/);
    assert.match(diff.stdout, /wider: cabinet\.\* may act/);
    assert.match(levels.stdout, /act +policy cabinet v2/);
    assert.match(rolled.stdout, /Version 1 of 'cabinet' counts from 2126-07-31T12:00:00\.000Z on/);
    assert.match(listed.stdout, /^cabinet +version 2 +1 grant/m);
  });

  it('says what is wrong with a call before it opens anything', async () => {
    for (const args of [
      ['agree', 'cabinet'],
      ['diff', 'cabinet', '1', 'x'],
      ['publish', 'cabinet', '--from', 'soon'],
      ['draft', 'cabinet'],
      ['all'],
    ])
      assert.equal((await tutti('policy', ...args)).code, 2, args.join(' '));
    const unknown = await tutti('policy', 'show', 'nobody');
    assert.match(unknown.stderr, /POLICY_UNKNOWN/);
  });
});
