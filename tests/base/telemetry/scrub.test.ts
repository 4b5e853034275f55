import assert from 'node:assert/strict';
import { Scrubber } from '../../../core/base/telemetry/scrub.ts';

const env = {
  OPENAI_API_KEY: 'zebra-fold-19',
  DATABASE_URL: 'postgres://tutti:p%40ss-word1@db.example:5432/tutti',
  SMTP_PASSWORD: 'a"b\\c-quoted',
  SHORT_TOKEN: 'abc',
  PWD: '/srv/anybody/project',
  SSH_AUTH_SOCK: '/tmp/agent.sock',
  TOKEN_FILE: 'secrets/token.txt',
  POSTGRES_PASSWORD: 'postgres',
  NODE_ENV: 'production-east',
};

describe('the scrubber', () => {
  const scrubber = new Scrubber(env);

  it('takes out what the environment holds as a secret, quoted, encoded or plain', () => {
    for (const secret of [
      'zebra-fold-19',
      'p@ss-word1',
      'p%40ss-word1',
      'a"b\\c-quoted',
      'a\\"b\\\\c-quoted',
    ])
      assert.equal(scrubber.known(`<${secret}>`), '<[redacted]>', secret);
  });

  it('leaves alone what is none, or a word of every day', () => {
    const text = `abc in ${env.PWD} by ${env.SSH_AUTH_SOCK}, ${env.TOKEN_FILE}: postgres, production-east`;

    assert.equal(scrubber.text(text), text);
  });

  it('takes out of words what looks like a secret, and leaves data with such a look', () => {
    const looks = [
      'sk-proj-abcdefghijklmnop1234',
      'tutti_abc123_ABCDEFGHIJKLMNOPQRSTUVWX',
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      'xoxb-123456789012-abcdef',
      'ghp_abcdefghijklmnopqrstuv',
      'AKIAIOSFODNN7EXAMPLE',
      'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl',
      '-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----',
    ];
    for (const look of looks) {
      assert.equal(scrubber.text(`It was ${look}.`).includes(look), false, look);
      assert.equal(scrubber.known(look), look);
    }
    assert.equal(scrubber.text('Bearer abcdefghijklmno'), 'Bearer [redacted]');
    assert.equal(
      scrubber.text('at redis://user:hunter22@cache:6379/0'),
      'at redis://user:[redacted]@cache:6379/0',
    );
    assert.equal(
      scrubber.text('at postgres://user:with@sign-22@db:5432/tutti'),
      'at postgres://user:[redacted]@db:5432/tutti',
    );
    assert.equal(
      scrubber.text('GET https://maps.example/v1?q=a&api_key=k-4711-22&page=2 failed'),
      'GET https://maps.example/v1?q=a&api_key=[redacted]&page=2 failed',
    );
    assert.equal(
      scrubber.text('tutti_engine, tutti_tenant, eyJ'),
      'tutti_engine, tutti_tenant, eyJ',
    );
  });

  it('takes no more of a line than the secret, so that JSON stays what it was', () => {
    const line = JSON.stringify({ url: 'http://cache:6379', mail: 'anna@example.com', more: 1 });

    assert.equal(scrubber.text(line), line);
  });

  it('cleans data in depth, and gives back the same where there is nothing to clean', () => {
    const clean = { a: [1, 'two', null, { three: 3 }] };
    const dirty = { a: [{ 'zebra-fold-19': ['x zebra-fold-19 y'] }], b: new Date(0) };

    assert.equal(scrubber.data(clean), clean);
    assert.deepEqual(scrubber.data(dirty), {
      a: [{ '[redacted]': ['x [redacted] y'] }],
      b: new Date(0),
    });
  });

  it('learns what only files or the database hold', () => {
    const learning = new Scrubber({});
    assert.equal(learning.known('from-a-file-1'), 'from-a-file-1');

    learning.learn('from-a-file-1\n');

    assert.equal(learning.known('from-a-file-1'), '[redacted]');
  });

  it('learns the password of an address that is a secret as a whole', () => {
    const learning = new Scrubber({});

    learning.learn('postgres://tutti:p%40ss-word2@db.example/tutti');

    assert.equal(learning.known('p@ss-word2 or p%40ss-word2'), '[redacted] or [redacted]');
  });
});
