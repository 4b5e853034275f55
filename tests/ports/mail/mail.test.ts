import assert from 'node:assert/strict';
import type { EngineError } from '../../../core/base/errors.ts';
import { type MailConfig, openMail } from '../../../core/ports/mail/mail.ts';
import type { MailMessage } from '../../../core/sdk/outside.ts';
import { openSmtpServer, type SmtpServer } from '../../support/smtp-server.ts';
import { verifies } from '../../support/verifies.ts';

const signal = new AbortController().signal;
const config: MailConfig = {
  urlFrom: 'MAIL_URL',
  from: 'Tutti <tutti@corp.example>',
  recipients: ['anna@corp.example', '@partner.example', '@bücher.example'],
};
const message: MailMessage = { to: ['anna@corp.example'], subject: 'Hold on V-17', text: 'Held.' };

const mailOf = ({ url }: Pick<SmtpServer, 'url'>, more: Partial<MailConfig> = {}) =>
  openMail({ ...config, ...more }, { MAIL_URL: url })(signal);

const code = (expected: string, wanted: RegExp, details?: object) => (error: unknown) => {
  const { code, message, details: given } = error as EngineError;
  assert.equal(code, expected, String(error));
  assert.match(message, wanted);
  if (details) assert.deepEqual(given, details);
  return true;
};

describe('ports/mail', () => {
  it('hands a message with its attachments to the server, under an id that follows from its key', async () => {
    verifies('R5.plug-ins');
    await using server = await openSmtpServer();
    const attachments = [{ name: 'Prüfung.csv', content: Buffer.from('a;b\n1;2\n') }];

    const sent = await mailOf(server).send({
      ...message,
      to: ['ANNA@corp.example', 'anna@corp.example', 'ben@partner.example'],
      text: 'Zurückgehalten: V-17.\n.\nEnde',
      id: 'effect-1',
      attachments,
    });

    assert.deepEqual(sent, { id: '<effect-1@corp.example>', rejected: [] });
    const { from, to, data } = server.messages[0] ?? assert.fail();
    assert.deepEqual(
      [from, to],
      ['tutti@corp.example', ['anna@corp.example', 'ben@partner.example']],
    );
    assert.match(data, /^Message-ID: <effect-1@corp\.example>$/im);
    assert.match(data, /^Subject: Hold on V-17$/m);
    assert.match(data, /Zur=C3=BCckgehalten/);
    assert.ok(data.includes(Buffer.from('a;b\n1;2\n').toString('base64')));
  });

  it('refuses, before the server is asked, whom and what the configuration does not allow', async () => {
    await using server = await openSmtpServer();
    const mail = mailOf(server);
    const refused: readonly [Partial<MailMessage>, RegExp][] = [
      [
        { to: ['eve@evil.example'] },
        /'eve@evil\.example' is not allowed; add it, or '@evil\.example', to 'mail\.recipients'/,
      ],
      [{ to: ['anna@corp.example', 'eve@evil.example'] }, /is not allowed/],
      [{ to: ['ben@corp.example'] }, /is not allowed/],
      [{ to: ['eve@sub.partner.example'] }, /is not allowed/],
      [{ to: ['anna@corp.example@evil.example'] }, /no plain address/],
      [{ to: ['"eve@evil.example x"@partner.example'] }, /no plain address/],
      [{ to: ['eve@evil.example,anna@corp.example'] }, /no plain address/],
      [{ to: ['Anna <anna@corp.example>'] }, /no plain address/],
      [{ to: ['anna@corp.example\r\nRCPT TO:<eve@evil.example>'] }, /no plain address/],
      [{ to: [] }, /1 to 50 addresses, not 0/],
      [{ subject: 'Hold\r\nBcc: eve@evil.example' }, /one line/],
      [{ subject: 'Hold\u0000' }, /one line/],
      [{ subject: 'x'.repeat(251) }, /one line/],
      [{ id: 'a>\r\nBcc: eve@evil.example' }, /letters, digits/],
      [{ attachments: [{ name: 'a\r\nb', content: Buffer.of(1) }] }, /plain name/],
      [{ attachments: [{ name: '../a', content: Buffer.of(1) }] }, /plain name/],
      [{ attachments: [{ name: 'a', content: Buffer.alloc(18_000_001) }] }, /18000001 bytes/],
    ];

    for (const [change, wanted] of refused) {
      await assert.rejects(mail.send({ ...message, ...change }), code('MAIL_REFUSED', wanted));
    }
    const nobody = openMail({ urlFrom: 'MAIL_URL', from: 'a@b.c' }, { MAIL_URL: server.url });
    await assert.rejects(nobody(signal).send(message), code('MAIL_REFUSED', /is not allowed/));
    await assert.rejects(
      openMail(undefined, {})(signal).send(message),
      code('MAIL_REFUSED', /set 'mail'/),
    );

    assert.equal(server.connections, 0);
  });

  it('takes a domain in its own letters', async () => {
    await using server = await openSmtpServer();

    await mailOf(server).send({ ...message, to: ['carla@bücher.example'] });

    assert.deepEqual(server.messages[0]?.to, ['carla@xn--bcher-kva.example']);
  });

  it('says whom the server did not take a message for', async () => {
    const recipient = (address: string) => (address.startsWith('gone') ? '550 no' : '250 yes');
    await using server = await openSmtpServer({ recipient });

    const { rejected } = await mailOf(server).send({
      ...message,
      to: ['gone@partner.example', 'anna@corp.example'],
    });

    assert.deepEqual(rejected, ['gone@partner.example']);
    assert.deepEqual(server.messages[0]?.to, ['anna@corp.example']);
    await assert.rejects(
      mailOf(server).send({ ...message, to: ['gone@partner.example'] }),
      code('MAIL_REFUSED', /refuses the message or the login \(550/, { sent: false }),
    );
  });

  it('fails for now where the server is busy, away, or breaks off', async () => {
    await using busy = await openSmtpServer({ data: '451 later' });
    await using torn = await openSmtpServer({ data: null });
    const { url } = await (async () => {
      await using closed = await openSmtpServer();
      return { url: closed.url };
    })();

    const send = (server: { readonly url: string }) => mailOf(server).send(message);
    await assert.rejects(
      send(busy),
      code('MAIL_FAILED', /\(451\); nothing was sent/, { sent: false }),
    );
    await assert.rejects(send({ url }), code('MAIL_FAILED', /nothing was sent/, { sent: false }));
    await assert.rejects(send(torn), code('MAIL_FAILED', /whether it was sent is not known/));
  });

  it('sends no password where anybody can read it', async () => {
    await using server = await openSmtpServer();
    const url = server.url.replace('//', '//user:s3cret@');

    await assert.rejects(mailOf({ url }).send(message), (error: EngineError) => {
      assert.equal(error.code, 'MAIL_FAILED');
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
    assert.equal(server.messages.length, 0);
  });

  it('says which variable holds no server, and not what it holds', async () => {
    const mail = openMail(config, { MAIL_URL: 'https://user:s3cret@host' })(signal);

    await assert.rejects(mail.send(message), (error: EngineError) => {
      assert.equal(error.code, 'CONFIG_INVALID');
      assert.match(error.message, /'MAIL_URL', named by 'mail\.urlFrom'/);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
  });

  it('ends with its signal', async () => {
    await using server = await openSmtpServer();
    const mail = openMail(config, { MAIL_URL: server.url })(AbortSignal.abort(new Error('enough')));

    await assert.rejects(mail.send(message), { message: 'enough' });
    assert.equal(server.messages.length, 0);
  });
});
