import { randomUUID } from 'node:crypto';
import { createTransport } from 'nodemailer';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Mail, MailMessage, SentMail } from '../../sdk/outside.ts';
import { readSecret } from '../secret.ts';
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

/** A message that Tutti itself writes to whom the configuration names. */
export interface Letter extends Omit<MailMessage, 'attachments'> {
  /** The same as a page, for those who read it. */
  readonly html?: string;
}

/** Mail of Tutti's own: whom the operator has named as its reader is allowed. @throws MAIL_REFUSED · MAIL_FAILED · CONFIG_INVALID */
export async function sendLetter(
  letter: Letter,
  { config, env, signal }: Required<Pick<Delivery, 'config' | 'env' | 'signal'>>,
): Promise<SentMail> {
  const { to } = checkMessage(letter, letter.to);
  try {
    const { html } = letter;
    return await deliver(
      { ...letter, to },
      { config, env, signal, ...(html !== undefined && { html }) },
    );
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw isEngineError(error) ? error : mailFailure(error);
  }
}

interface Delivery {
  readonly config: MailConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly html?: string;
}

async function deliver(
  { to, subject, text, id, attachments = [] }: MailMessage,
  { config, env, signal, html }: Delivery,
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
    ...(html !== undefined && { html }),
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
  const given = readSecret(urlFrom, env) ?? '';
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
