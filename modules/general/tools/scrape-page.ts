import { defineTool, EngineError, z } from 'tutti';
import { maxCharacters, typeOf } from '../answer.ts';

const types = ['text/html', 'application/xhtml+xml', ''];

/** What a person would read on a web page. */
export const scrapePage = defineTool({
  name: 'general.scrape_page',
  description:
    'Fetches a web page and gives its title, readable text, links and tables. No script of the page runs, and what it hides is left out.',
  category: 'web',
  access: 'public',
  effect: 'read',
  outside: ['http'],
  parameters: z.object({
    url: z.string().max(4_000).describe('https://…'),
    maxCharacters: maxCharacters.default(20_000).describe('of the text'),
  }),
  result: z.object({
    status: z.int(),
    /** Where the last redirect led. */
    url: z.string(),
    title: z.string(),
    description: z.string(),
    text: z.string(),
    links: z.array(z.object({ text: z.string(), url: z.string() })),
    tables: z.array(z.array(z.array(z.string()))),
    isCut: z.boolean().describe('whether the page has more of any of them'),
  }),
  timeoutMs: 35_000,
}).handler(async ({ url, maxCharacters }, { http }) => {
  const response = await http.request({ url, headers: { accept: 'text/html' } });
  const type = typeOf(response);
  if (!types.includes(type)) {
    throw new EngineError(
      'TOOL_INPUT_INVALID',
      `The address answers with '${type}', which is no web page; fetch it with general.http_get.`,
    );
  }
  // The parser takes a third of a second to load, which no thread has to spend before it reads a page.
  const { readPage } = await import('../page.ts');
  const page = readPage(response.text, { url: response.url, maxCharacters });
  return { status: response.status, url: response.url, ...page };
});
