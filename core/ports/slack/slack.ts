import { EngineError } from '../../base/errors.ts';
import type { Slack } from '../../sdk/outside.ts';
import type { HttpSeams } from '../http/connector.ts';
import { openHttp } from '../http/http.ts';
import { readSecret } from '../secret.ts';

/** Channels by the configuration's incoming webhooks; a message ends when the signal aborts. */
export type OpenSlack = (
  channels: Readonly<Record<string, string>> | undefined,
  env: NodeJS.ProcessEnv,
  seams?: HttpSeams,
) => (signal: AbortSignal) => Slack;

// https://api.slack.com/messaging/webhooks; the second is Slack's own for governments.
const hosts = ['hooks.slack.com', 'hooks.slack-gov.com'];

// Slack cuts what is longer: https://api.slack.com/changelog/2018-04-truncating-really-long-messages
const maxText = 40_000;

/** Slack for tools, through the guard of all HTTP. A webhook's address is a secret and appears in no message. */
export const openSlack: OpenSlack = (channels = {}, env, seams) => {
  const http = openHttp({ hosts }, seams);
  return (signal) => ({
    post: async ({ channel, text }) => {
      const url = webhookOf(channel, channels, env);
      if (text.trim() === '' || text.length > maxText) {
        throw refused(`A message has 1 to ${maxText} characters, not ${text.length}.`);
      }
      const { status } = await http(signal).request({
        url,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: escaped(text) }),
      });
      if (status >= 300) throw failure(channel, status);
    },
  });
};

function webhookOf(
  channel: string,
  channels: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv,
): string {
  const name = Object.hasOwn(channels, channel) ? channels[channel] : undefined;
  if (name === undefined) {
    const known = Object.keys(channels).map((each) => `'${each}'`);
    throw refused(
      `Channel '${channel}' is not configured; name it in 'slack' of the configuration. Known: ${known.join(', ') || 'none'}.`,
    );
  }
  const url = readSecret(name, env);
  if (url) return url;
  throw new EngineError(
    'CONFIG_INVALID',
    `Environment variable '${name}', which holds the webhook of channel '${channel}', is not set.`,
  );
}

/** Text as it is: no link under another name, and no call to a whole channel. https://api.slack.com/reference/surfaces/formatting#escaping */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function failure(channel: string, status: number): EngineError {
  if (status === 429) {
    return new EngineError('HTTP_FAILED', `Slack wants less for '${channel}' at once (429).`, {
      details: { sent: false },
    });
  }
  if (status >= 500) {
    return new EngineError(
      'HTTP_FAILED',
      `Slack failed over a message for '${channel}' (${status}).`,
    );
  }
  return refused(
    `Slack does not take the message for '${channel}' (${status}); look at the webhook of that channel.`,
  );
}

function refused(message: string): EngineError {
  return new EngineError('SLACK_REFUSED', message);
}
