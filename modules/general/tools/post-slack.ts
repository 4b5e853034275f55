import { defineTool, z } from 'tutti';

/** A message in a channel of Slack. */
export const postSlack = defineTool({
  name: 'general.post_slack',
  description:
    'Posts a plain text message to a Slack channel that the configuration names; about one reference, a channel gets one message.',
  category: 'communication',
  access: 'public',
  effect: 'send',
  outside: ['slack'],
  parameters: z.object({
    channel: z.string().min(1).max(100).describe('its name in the configuration'),
    text: z.string().min(1).max(40_000),
    reference: z
      .string()
      .regex(/^[\w.:/-]{1,100}$/)
      .describe('a code of what it is about, for example the number of an invoice'),
  }),
  result: z.object({ channel: z.string() }),
  key: ({ channel, reference }) => [channel, reference],
  undo: {
    none: 'a message that was posted may have been read; post another, or delete it in Slack',
  },
  timeoutMs: 35_000,
}).handler(async ({ channel, text }, { slack }) => {
  await slack.post({ channel, text });
  return { channel };
});
