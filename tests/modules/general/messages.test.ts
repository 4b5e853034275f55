import assert from 'node:assert/strict';
import { runTool } from 'tutti/testing';
import { EngineError } from '../../../core/base/errors.ts';
import { openMail } from '../../../core/ports/mail/mail.ts';
import { nothingOutside } from '../../../core/ports/outside.ts';
import { openSlack } from '../../../core/ports/slack/slack.ts';
import type { Files } from '../../../core/sdk/outside.ts';
import { postSlack } from '../../../modules/general/tools/post-slack.ts';
import { sendEmail } from '../../../modules/general/tools/send-email.ts';
import { assertFault, outsideScope } from '../../support/outside.ts';
import { openPublicServer } from '../../support/public-server.ts';
import { openSmtpServer } from '../../support/smtp-server.ts';
import { verifies } from '../../support/verifies.ts';

const config = { urlFrom: 'MAIL_URL', from: 'tutti@corp.example', recipients: ['@corp.example'] };
const message = {
  to: ['anna@corp.example'],
  subject: 'Hold on V-17',
  text: 'It is held.',
  reference: 'V-17',
};

const files: Files = {
  ...nothingOutside.files,
  read: async (path) => {
    if (path === 'reports/night.csv') return Buffer.from('a;b\n');
    throw new EngineError('RECORD_UNKNOWN', `There is no file '${path}'.`);
  },
};

const mailScope = (url: string) => {
  const open = openMail(config, { MAIL_URL: url });
  return outsideScope((signal) => ({ mail: open(signal), files }));
};

describe('general.send_email', () => {
  it('sends a message with files, whose Message-ID is the key of the effect', async () => {
    verifies('R5.plug-ins');
    await using server = await openSmtpServer();

    const done = await runTool(
      sendEmail,
      { ...message, attachments: ['reports/night.csv'] },
      mailScope(server.url),
    );

    const { to, data } = server.messages[0] ?? assert.fail();
    const id = /^Message-ID:\s+(<[0-9a-f]{64}@corp\.example>)$/im.exec(data)?.[1];
    assert.deepEqual(to, ['anna@corp.example']);
    assert.match(data, /filename=night\.csv/);
    assert.partialDeepStrictEqual(done, {
      value: { kind: 'applied', result: { id, rejected: [] } },
    });
  });

  it('is the same effect for the same people and reference, whatever its words', () => {
    const key = (change: object) =>
      JSON.stringify(sendEmail.key?.(sendEmail.parameters.parse({ ...message, ...change })));
    const two = { to: ['ben@corp.example', 'anna@corp.example'] };

    assert.equal(key({ text: 'Held!', subject: 'Held' }), key({}));
    assert.equal(key(two), key({ to: ['Anna@corp.example', 'ben@corp.example '] }));
    assert.notEqual(key(two), key({}));
    assert.notEqual(key({ reference: 'V-18' }), key({}));
  });

  it('sends nothing to others, and nothing without its files', async () => {
    await using server = await openSmtpServer();
    const scope = mailScope(server.url);

    assertFault(await runTool(sendEmail, { ...message, to: ['eve@evil.example'] }, scope), {
      code: 'MAIL_REFUSED',
    });
    assertFault(await runTool(sendEmail, { ...message, attachments: ['gone.csv'] }, scope), {
      message: "There is no file 'gone.csv'.",
    });
    assert.equal(server.connections, 0);
  });

  it('is proposed, not sent, where nobody has granted more', async () => {
    await using server = await openSmtpServer();

    const done = await runTool(sendEmail, message, { ...mailScope(server.url), policies: [] });

    assert.partialDeepStrictEqual(done, { value: { kind: 'proposed' } });
    assert.equal(server.connections, 0);
  });
});

describe('general.post_slack', () => {
  it('posts to a channel that the configuration names, and to no other', async () => {
    await using server = await openPublicServer(() => ({ body: 'ok' }));
    const env = { SLACK_FINANCE: 'https://hooks.slack.com/services/T0/B0/s3cret' };
    const open = openSlack({ finance: 'SLACK_FINANCE' }, env, server.seams);
    const scope = outsideScope((signal) => ({ slack: open(signal) }));
    const post = (channel: string) =>
      runTool(postSlack, { channel, text: 'Held.', reference: 'V-17' }, scope);

    const done = await post('finance');

    assert.partialDeepStrictEqual(done, {
      value: { kind: 'applied', result: { channel: 'finance' } },
    });
    assert.deepEqual(
      server.requests.map(({ body }) => body),
      ['{"text":"Held."}'],
    );
    assertFault(await post('sales'), { code: 'SLACK_REFUSED' });
  });
});
