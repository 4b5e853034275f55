import { domainToASCII } from 'node:url';
import { EngineError } from '../../base/errors.ts';
import type { MailMessage } from '../../sdk/outside.ts';

const maxRecipients = 50;
// Of all attachments: what common servers take, 25 MB, once it is written as text.
const maxAttachedBytes = 18_000_000;
const maxSubject = 250;

// A plain address: no name, quotes, comments or lists, which readers of addresses take apart in different ways (RFC 5321, section 4.1.2).
const plain = /^([a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})@([^\s@<>,;:"()[\]\\]{1,253})$/i;

/** Its recipients, normalised, once each. @throws MAIL_REFUSED for what may not be sent, or not to them */
export function checkMessage(
  { to, subject, id, attachments = [] }: MailMessage,
  allowed: readonly string[],
): { readonly to: readonly string[] } {
  const recipients = [...new Set(to.map(normalised))];
  if (recipients.length === 0 || recipients.length > maxRecipients) {
    throw refused(`A message goes to 1 to ${maxRecipients} addresses, not ${recipients.length}.`);
  }
  const rules = new Set(
    allowed.map((rule) => (rule.startsWith('@') ? inAscii(rule) : normalised(rule))),
  );
  for (const recipient of recipients) {
    const domain = recipient.slice(recipient.lastIndexOf('@'));
    if (rules.has(recipient) || rules.has(domain)) continue;
    throw refused(
      `Mail to '${recipient}' is not allowed; add it, or '${domain}', to 'mail.recipients' if it is meant.`,
    );
  }
  if (subject.length > maxSubject || /\p{Cc}/u.test(subject)) {
    throw refused(`A subject is one line of at most ${maxSubject} characters; shorten it.`);
  }
  if (id !== undefined && !/^[\w-]{1,128}$/.test(id)) {
    throw refused('The id of a message is of letters, digits, - and _.');
  }
  if (attachments.some(({ name }) => !/^[^\p{Cc}/\\]{1,200}$/u.test(name))) {
    throw refused('An attachment has a plain name, without folders.');
  }
  const bytes = attachments.reduce((sum, { content }) => sum + content.byteLength, 0);
  if (bytes > maxAttachedBytes) {
    throw refused(`Attachments have ${bytes} bytes, more than ${maxAttachedBytes}; send less.`);
  }
  return { to: recipients };
}

function normalised(address: string): string {
  const [, local, domain] = plain.exec(address.trim()) ?? [];
  if (local && domain) return local.toLowerCase() + inAscii(`@${domain}`);
  throw refused(`'${address}' is no plain address; write one like anna@example.com.`);
}

function inAscii(domain: string): string {
  return `@${domainToASCII(domain.slice(1))}`;
}

function refused(message: string): EngineError {
  return new EngineError('MAIL_REFUSED', message);
}
