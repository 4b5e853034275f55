import type { CallToolResult } from '@modelcontextprotocol/client';
import { EngineError } from '../../base/errors.ts';
import { beginningOf, toVisible, toVisibleData } from '../../base/text.ts';
import type { McpResult } from '../../sdk/outside.ts';
import type { McpPolicy } from './config.ts';
import { wordsOf } from './words.ts';

/** The longest text of a result, in characters; what is longer is cut; a policy may say another length. */
const longestText = 1_000_000;
/** The largest structured content, in characters of JSON: half of one cannot be used. */
const largestData = 2_000_000;

/** What a tool answered. @throws MCP_TOOL_FAILED with its words, where it says that it failed */
export function resultOf(
  { content, structuredContent, isError }: CallToolResult,
  { server, tool }: { readonly server: string; readonly tool: string },
  { maxCharacters }: Pick<McpPolicy, 'maxCharacters'> = {},
): McpResult {
  const mostText = maxCharacters ?? longestText;
  const mostData = maxCharacters ?? largestData;
  // A model reads what a person's eye passes over.
  const text = toVisible(content.map(lineOf).join('\n'));
  if (isError === true) {
    const words = wordsOf(text) || 'it does not say why';
    throw new EngineError(
      'MCP_TOOL_FAILED',
      `'${tool}' of MCP server '${server}' failed: ${words}`,
    );
  }
  if (structuredContent === undefined) return { text: beginningOf(text, mostText) };
  const size = JSON.stringify(structuredContent).length;
  if (size <= mostData)
    return { text: beginningOf(text, mostText), data: toVisibleData(structuredContent) };
  const message = `'${tool}' of MCP server '${server}' gave ${size} characters of data; at most ${mostData} are taken. Ask it for less.`;
  throw new EngineError('MCP_TOOL_FAILED', message);
}

/** A part as text; of what is none, one line that names it. */
function lineOf(part: CallToolResult['content'][number]): string {
  switch (part.type) {
    case 'text':
      return part.text;
    case 'image':
    case 'audio':
      return `[${part.type} ${part.mimeType}, ${bytesOf(part.data)} bytes]`;
    case 'resource_link':
      return `[link ${part.name} ${part.uri}]`;
    case 'resource': {
      const { resource } = part;
      if ('text' in resource) return resource.text;
      return `[resource ${resource.uri}, ${bytesOf(resource.blob)} bytes]`;
    }
    default:
      return `[${String((part as { readonly type?: unknown }).type)}]`;
  }
}

function bytesOf(base64: string): number {
  return Math.floor((base64.replace(/=+$/, '').length * 3) / 4);
}
