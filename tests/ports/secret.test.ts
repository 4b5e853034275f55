import assert from 'node:assert/strict';
import { Scrubber } from '../../core/base/telemetry/scrub.ts';
import { readSecret, secretState, tellSecrets } from '../../core/ports/secret.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

describe('a secret of the environment', () => {
  it('is read from the file that NAME_FILE names, without its line end', () => {
    using folder = scratchFolder({ 'mail-url': 'smtps://a:b@mail.example:465\n' });
    const env = { MAIL_URL_FILE: `${folder.path}/mail-url` };

    assert.equal(readSecret('MAIL_URL', env), 'smtps://a:b@mail.example:465');
    assert.equal(secretState('MAIL_URL', env), `(set, by ${folder.path}/mail-url)`);
  });

  it('is taken from the variable first; blank ones are not set', () => {
    const env = { A: ' own ', A_FILE: '/nowhere', B: ' ', B_FILE: '' };

    assert.equal(readSecret('A', env), 'own');
    assert.equal(readSecret('B', env), undefined);
    assert.deepEqual([secretState('A', env), secretState('B', env)], ['(set)', '(not set)']);
  });

  it('is refused by the name of its file when that cannot be read', () => {
    const env = { A_FILE: '/nowhere/at-all' };

    assert.throws(() => readSecret('A', env), {
      code: 'CONFIG_INVALID',
      message:
        "A_FILE is '/nowhere/at-all', which cannot be read (ENOENT); put the secret there, or set A.",
    });
    assert.equal(secretState('A', env), '(not set: /nowhere/at-all cannot be read)');
  });

  it('is taken out of what leaves the process once it has been read, whatever its name', () => {
    verifies('R12.secrets');
    using folder = scratchFolder({ plain: 'quiet-river-9482' });
    const env = { ORDINARY_FILE: `${folder.path}/plain` };
    const scrubber = new Scrubber(env);
    tellSecrets(env, scrubber);

    readSecret('ORDINARY', env);

    assert.equal(scrubber.text('it is quiet-river-9482.'), 'it is [redacted].');
  });
});
