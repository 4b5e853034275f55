import { defineTool, z } from 'tutti';

/** A message by mail. */
export const sendEmail = defineTool({
  name: 'general.send_email',
  description:
    'Sends a plain text message by mail, with files as attachments. Only to recipients that the configuration allows; about one reference, the same people get one message.',
  category: 'communication',
  access: 'public',
  effect: 'send',
  outside: ['files', 'mail'],
  parameters: z.object({
    to: z.array(z.string().max(320)).min(1).max(50).describe('plain addresses: anna@example.com'),
    subject: z.string().min(1).max(250).describe('one line'),
    text: z.string().min(1).max(200_000),
    reference: z
      .string()
      .regex(/^[\w.:/-]{1,100}$/)
      .describe('a code of what it is about, for example the number of an invoice'),
    attachments: z.array(z.string().max(1_000)).max(10).default([]).describe('paths of files'),
  }),
  result: z.object({
    /** Its Message-ID. */
    id: z.string(),
    rejected: z.array(z.string()).describe('whom the mail server did not take it for'),
  }),
  key: ({ to, reference }) =>
    [...to.map((each) => each.trim().toLowerCase())].sort().concat(reference),
  undo: { none: 'a message that has left cannot be taken back; write another' },
  timeoutMs: 60_000,
}).handler(async ({ to, subject, text, attachments }, { files, mail, key }) => {
  const attached: { readonly name: string; readonly content: Uint8Array }[] = [];
  for (const path of attachments) {
    attached.push({ name: path.split('/').at(-1) ?? path, content: await files.read(path) });
  }
  const { id, rejected } = await mail.send({ to, subject, text, id: key, attachments: attached });
  return { id, rejected: [...rejected] };
});
