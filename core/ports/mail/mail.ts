import { randomUUID } from 'node:crypto';
import { createTransport } from 'nodemailer';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Mail, MailMessage, SentMail } from '../../sdk/outside.ts';
import { mailFailure } from './failure.ts';
import { checkMessage } from './message.ts';

/** The mail server, and to whom tools may write. */
export interface MailConfig {
  /** Name of the environment variable that holds its URL, `smtps://user:password@host:465`: it is a secret. */
  readonly urlFrom: string;
  /** The sender. */
  readonly from: string;
  /** Addresses, or `@example.com` for a whole domain. @default nobody */
  readonly recipients?: readonly string[];
}

/** Mail by one server, connected for each message, which ends when the signal aborts. */
export type OpenMail = (
  config: MailConfig | undefined,
  env: NodeJS.ProcessEnv,
) => (signal: AbortSignal) => Mail;

const connectMs = 5_000;
// Between two words of the server.
const silenceMs = 20_000;

/** Mail for tools. Whatever can be refused is refused before the server is asked. */
export const openMail: OpenMail = (config, env) => (signal) => ({
  send: async (message) => {
    if (!config) {
      throw new EngineError(
        'MAIL_REFUSED',
        "No mail server is configured; set 'mail' in the configuration.",
      );
    }
    const { to } = checkMessage(message, config.recipients ?? []);
    try {
      return await deliver({ ...message, to }, { config, env, signal });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw isEngineError(error) ? error : mailFailure(error);
    }
  },
});

async function deliver(
  { to, subject, text, id, attachments = [] }: MailMessage,
  {
    config,
    env,
    signal,
  }: {
    readonly config: MailConfig;
    readonly env: NodeJS.ProcessEnv;
    readonly signal: AbortSignal;
  },
): Promise<SentMail> {
  const url = serverOf(config, env);
  const transport = createTransport({
    url: url.href,
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    socketTimeout: silenceMs,
    // A password never goes over a line that anybody can read.
    ...(url.protocol === 'smtp:' && url.password !== '' && { requireTLS: true }),
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const { messageId, rejected } = await transport.sendMail({
    from: config.from,
    to: [...to],
    subject,
    text,
    messageId: `<${id ?? randomUUID()}@${domainOf(config.from)}>`,
    attachments: attachments.map(({ name, content }) => ({
      filename: name,
      content: Buffer.from(content),
    })),
    signal,
  });
  return { id: messageId, rejected: rejected.map(String) };
}

function serverOf({ urlFrom }: MailConfig, env: NodeJS.ProcessEnv): URL {
  const given = env[urlFrom] ?? '';
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url && ['smtp:', 'smtps:'].includes(url.protocol)) return url;
  throw new EngineError(
    'CONFIG_INVALID',
    `Environment variable '${urlFrom}', named by 'mail.urlFrom', holds no mail server; set it to smtps://user:password@host:465.`,
  );
}

function domainOf(address: string): string {
  return /@([a-z0-9.-]+)>?\s*$/i.exec(address)?.[1] ?? 'tutti.invalid';
}
