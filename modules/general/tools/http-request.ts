import { defineTool, z } from 'tutti';
import { answer, headers, maxCharacters, recordOf, shorten } from '../answer.ts';

/** A request that changes something at the other side. */
export const httpRequest = defineTool({
  name: 'general.http_request',
  description:
    'Sends a POST, PUT, PATCH or DELETE request by HTTPS and gives its status and the text of its answer. Redirects are not followed; any status is an answer.',
  category: 'web',
  access: 'public',
  effect: 'send',
  outside: ['http'],
  parameters: z.object({
    url: z.string().max(4_000).describe('https://…'),
    method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE']),
    headers: headers.describe('no keys or tokens: the configuration adds them'),
    body: z.string().max(1_000_000).optional(),
    maxCharacters: maxCharacters.default(50_000).describe('of the text'),
  }),
  result: answer.extend({
    omitted: z.string().optional().describe('why there is no text'),
  }),
  key: ({ method, url, body }) => [method, url, body ?? ''],
  undo: { none: 'what another system was told cannot be taken back from here' },
  // Longer than a request may take, so that its own words arrive. Whether the other side heeds the key is not known, so it is not
  // repeatable: a request whose end nobody knows waits for a person.
  timeoutMs: 35_000,
}).handler(async ({ url, method, headers, body, maxCharacters }, { http, key }) => {
  const response = await http.request({
    url,
    method,
    // https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header
    headers: { ...recordOf(headers), 'idempotency-key': key },
    ...(body !== undefined && { body }),
  });
  const { omitted } = response;
  return { ...shorten(response, maxCharacters), ...(omitted !== undefined && { omitted }) };
});
