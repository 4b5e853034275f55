import { defineTool, z } from 'tutti';
import { answer, headers, maxCharacters, recordOf, shorten } from '../answer.ts';

/** What an address of the web answers, as text. */
export const httpGet = defineTool({
  name: 'general.http_get',
  description:
    'Fetches an address by HTTPS and gives its status and its text: JSON, XML, CSV, HTML. Redirects are followed; any status is an answer.',
  category: 'web',
  access: 'public',
  effect: 'read',
  outside: ['http'],
  parameters: z.object({
    url: z.string().max(4_000).describe('https://…'),
    headers: headers.describe('no keys or tokens: the configuration adds them'),
    maxCharacters: maxCharacters.default(50_000).describe('of the text'),
  }),
  result: answer,
  // Longer than a request may take, so that its own words arrive.
  timeoutMs: 35_000,
}).handler(async ({ url, headers, maxCharacters }, { http }) =>
  shorten(await http.request({ url, headers: recordOf(headers) }), maxCharacters),
);
