import {
  type CallToolResult,
  fromJsonSchema,
  type McpServer,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

/*
 * What the conformance suite calls: tools, resources and prompts with fixed names and answers, beside those of Tutti's own server.
 */

const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';
const image = { type: 'image', data: png, mimeType: 'image/png' } as const;
const text = (said: string) => ({ type: 'text', text: said }) as const;
const embedded = (uri: string, mimeType: string, said: string) =>
  ({ type: 'resource', resource: { uri, mimeType, text: said } }) as const;

/** Adds to a server what the suite calls. */
export function addFixtures(server: McpServer): McpServer {
  server.server.registerCapabilities({ logging: {}, resources: { subscribe: true } });
  addTools(server);
  addTalkingTools(server);
  addResources(server);
  addPrompts(server);
  return server;
}

function addTools(server: McpServer): void {
  const add = (name: string, ...content: CallToolResult['content']) =>
    server.registerTool(name, { description: `Answers ${name}.` }, async () => ({ content }));
  const json = JSON.stringify({ test: 'data', value: 123 });
  add('test_simple_text', text('This is a simple text response for testing.'));
  add('test_image_content', image);
  add('test_audio_content', { type: 'audio', data: wav, mimeType: 'audio/wav' });
  add('test_embedded_resource', embedded('test://embedded-resource', 'text/plain', 'Embedded.'));
  add(
    'test_multiple_content_types',
    text('Multiple content types test:'),
    image,
    embedded('test://mixed-content-resource', 'application/json', json),
  );
  server.registerTool('test_error_handling', { description: 'Fails.' }, async () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  server.registerTool(
    'json_schema_2020_12_tool',
    {
      description: 'Tool with JSON Schema 2020-12 features',
      inputSchema: fromJsonSchema({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        $defs: {
          address: {
            type: 'object',
            properties: { street: { type: 'string' }, city: { type: 'string' } },
          },
        },
        properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
        additionalProperties: false,
      }),
    },
    async () => ({ content: [text('Taken.')] }),
  );
}

/** Tools that speak before they answer. */
function addTalkingTools(server: McpServer): void {
  server.registerTool('test_tool_with_logging', { description: 'Logs.' }, async ({ mcpReq }) => {
    for (const said of ['started', 'processing', 'completed'])
      await mcpReq.log('info', `Tool ${said}`);
    return { content: [text('Logged.')] };
  });
  server.registerTool('test_tool_with_progress', { description: 'Counts.' }, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      const params = { progressToken, progress, total: 100 };
      if (progressToken !== undefined)
        await mcpReq.notify({ method: 'notifications/progress', params });
    }
    return { content: [text('Counted.')] };
  });
}

function addResources(server: McpServer): void {
  const described = { description: 'A fixture.' };
  const uri = 'test://static-text';
  server.registerResource('static_text', uri, { ...described, mimeType: 'text/plain' }, () => ({
    contents: [{ uri, mimeType: 'text/plain', text: 'The content of the static text resource.' }],
  }));
  const binary = 'test://static-binary';
  const mimeType = 'image/png';
  server.registerResource('static_binary', binary, { ...described, mimeType }, () => ({
    contents: [{ uri: binary, mimeType, blob: png }],
  }));
  const watched = 'test://watched-resource';
  server.registerResource('watched', watched, described, () => ({
    contents: [{ uri: watched, text: 'Watched.' }],
  }));
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { ...described, mimeType: 'application/json' },
    ({ href }, { id }) => ({
      contents: [
        {
          ...{ uri: href, mimeType: 'application/json' },
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }),
        },
      ],
    }),
  );
  for (const method of ['resources/subscribe', 'resources/unsubscribe'] as const)
    server.server.setRequestHandler(method, () => ({}));
}

function addPrompts(server: McpServer): void {
  const user = <C>(content: C) => ({ role: 'user' as const, content });
  server.registerPrompt('test_simple_prompt', { description: 'Simple.' }, () => ({
    messages: [user(text('This is a simple prompt for testing.'))],
  }));
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'Takes arguments.',
      argsSchema: z.object({ arg1: z.string(), arg2: z.string() }),
    },
    ({ arg1, arg2 }) => ({
      messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
    }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'Embeds.', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => ({
      messages: [
        user(embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.')),
        user(text('Please process the embedded resource above.')),
      ],
    }),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'Shows.' }, () => ({
    messages: [user(image), user(text('Please analyze the image above.'))],
  }));
  server.server.registerCapabilities({ completions: {} });
  server.server.setRequestHandler('completion/complete', () => ({
    completion: { values: ['paris', 'park', 'party'], total: 3, hasMore: false },
  }));
}
