import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSeal } from '../../core/ports/seal.ts';
import { scratchFolder } from '../support/scratch.ts';

const key = () => randomBytes(32).toString('base64');
const secret = randomBytes(32);

describe('what is sealed before it is stored', () => {
  it('opens at its own place alone, and under its own key', () => {
    const seal = openSeal({ TUTTI_SECRETS_KEY: key() });
    const sealed = seal.seal(secret, 'here');

    assert.equal(sealed.keyId, seal.keyId);
    assert.match(String(sealed.keyId), /^[0-9a-f]{16}$/);
    assert.ok(!sealed.body.includes(secret));
    assert.deepEqual(seal.open(sealed, 'here'), secret);
    assert.notDeepEqual(seal.seal(secret, 'here').body, sealed.body);
    assert.throws(() => seal.open(sealed, 'there'), { code: 'CONFIG_INVALID' });
    const other = openSeal({ TUTTI_SECRETS_KEY: key() });
    assert.throws(() => other.open(sealed, 'here'), { message: /does not hold/ });
    const altered = Buffer.from(sealed.body);
    altered[14] = (altered[14] as number) ^ 1;
    assert.throws(() => seal.open({ ...sealed, body: altered }, 'here'), { message: /altered/ });
    assert.throws(() => seal.open({ ...sealed, body: altered.subarray(0, 9) }, 'here'), {
      code: 'CONFIG_INVALID',
    });
  });

  it('is sealed under the first of several keys, and opens under each of them', () => {
    const [old, young] = [key(), key()];
    const before = openSeal({ TUTTI_SECRETS_KEY: old });
    const sealed = before.seal(secret, 'here');
    const both = openSeal({ TUTTI_SECRETS_KEY: `${young}\n${old}` });

    assert.notEqual(both.keyId, before.keyId);
    assert.deepEqual(both.open(sealed, 'here'), secret);
    assert.equal(both.keyId, openSeal({ TUTTI_SECRETS_KEY: young }).keyId);
  });

  it('is as it was where no key is set; what was stored so is read with a key, too', () => {
    const none = openSeal({});
    const stored = none.seal(secret, 'here');

    assert.deepEqual([none.keyId, stored.keyId, stored.body], [null, null, secret]);
    assert.deepEqual(openSeal({ TUTTI_SECRETS_KEY: key() }).open(stored, 'here'), secret);
  });

  it('takes its keys from a file, and none that is not as long as it must be, without saying it', () => {
    const text = key();
    using folder = scratchFolder({});
    const path = join(folder.path, 'keys');
    writeFileSync(path, `${text}\n`);
    const seal = openSeal({ TUTTI_SECRETS_KEY_FILE: path });
    assert.equal(seal.keyId, openSeal({ TUTTI_SECRETS_KEY: text }).keyId);

    const short = randomBytes(31).toString('base64');
    for (const wrong of [short, 'a phrase that somebody can remember', `${text}!`])
      assert.throws(
        () => openSeal({ TUTTI_SECRETS_KEY: wrong }),
        (error: Error) => error.message.includes('openssl') && !error.message.includes(wrong),
      );
  });
});
