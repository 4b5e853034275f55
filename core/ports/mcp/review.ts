import { EngineError } from '../../base/errors.ts';
import type { McpAcceptor, McpPin, McpPins } from '../db/mcp-pins.ts';
import { changesOf, type Definition, type DefinitionChange } from './definition.ts';
import { toPin } from './pinned.ts';
import type { OpenMcpPool } from './pool.ts';
import { wordsOf } from './words.ts';

/** What a tool is now, beside what it was when it was pinned. */
export interface McpToolView {
  readonly tool: string;
  /** A stranger's words. */
  readonly description: string;
  /** `new`: nobody has called it yet · `changed`: calls are refused · `gone`: the server has it no more. */
  readonly state: 'new' | 'pinned' | 'changed' | 'gone';
  /** Of what the server says now, hex; null: nothing. */
  readonly digest: string | null;
  /** Who accepted what is pinned (null: nobody had to, at first sight), and when. */
  readonly pin: { readonly digest: string; readonly by: string | null; readonly at: Date } | null;
  /** What differs, member by member. */
  readonly changes: readonly DefinitionChange[];
}

interface ReviewParts {
  readonly pool: Pick<OpenMcpPool, 'definitions'>;
  readonly pins: McpPins;
}

/** Shows the tools of a server with what is pinned of them; nothing is pinned by that. @throws MCP_SERVER_UNKNOWN · MCP_SERVER_FAILED */
export async function reviewTools(
  { pool, pins }: ReviewParts,
  server: string,
  signal: AbortSignal,
): Promise<readonly McpToolView[]> {
  const [listed, pinned] = [await pool.definitions(server, signal), await pins.read(server)];
  const present = [...listed].map(([tool, definition]) =>
    viewOf(tool, definition, pinned.get(tool)),
  );
  const gone = [...pinned.values()].filter(({ tool }) => !listed.has(tool));
  return [...present, ...gone.map((pin) => viewOf(pin.tool, undefined, pin))];
}

function viewOf(
  tool: string,
  definition: Definition | undefined,
  pin: McpPin | undefined,
): McpToolView {
  const described = definition?.tool.description ?? '';
  return {
    tool,
    description: wordsOf(described),
    state: stateOf(definition, pin),
    digest: definition?.digest ?? null,
    pin: pin ? { digest: pin.digest, by: pin.acceptedBy, at: pin.at } : null,
    changes:
      definition && pin ? changesOf(JSON.parse(pin.definition), JSON.parse(definition.text)) : [],
  };
}

function stateOf(
  definition: Definition | undefined,
  pin: McpPin | undefined,
): McpToolView['state'] {
  if (!definition) return 'gone';
  if (!pin) return 'new';
  return pin.digest === definition.digest ? 'pinned' : 'changed';
}

/** What somebody accepts. */
export interface McpAcceptance {
  readonly server: string;
  /** @default every tool that is new or changed */
  readonly tool?: string | undefined;
  /** What they were shown, hex; something else is not accepted. @default whatever the server says now */
  readonly digest?: string | undefined;
  readonly by: McpAcceptor;
}

/**
 * Pins what a server says now of its new and changed tools, in a person's name, and returns what was accepted, as it was before.
 * @throws MCP_SERVER_UNKNOWN · MCP_SERVER_FAILED · MCP_TOOL_UNKNOWN · MCP_TOOL_CHANGED when it is not what they were shown
 */
export async function acceptTools(
  parts: ReviewParts,
  { server, tool, digest, by }: McpAcceptance,
  signal: AbortSignal,
): Promise<readonly McpToolView[]> {
  const listed = await parts.pool.definitions(server, signal);
  const named = tool === undefined ? undefined : listed.get(tool);
  if (tool !== undefined && !named) {
    throw new EngineError(
      'MCP_TOOL_UNKNOWN',
      `MCP server '${server}' has no tool '${tool.slice(0, 100)}'; see: tutti mcp tools ${server}`,
    );
  }
  if (digest !== undefined && named?.digest !== digest) {
    throw new EngineError(
      'MCP_TOOL_CHANGED',
      `'${tool}' of MCP server '${server}' is no longer what was looked at; look again with: tutti mcp tools ${server}`,
    );
  }
  const pinned = await parts.pins.read(server);
  const accepted = [...listed].filter(
    ([name, { digest: now }]) =>
      (tool === undefined || name === tool) && pinned.get(name)?.digest !== now,
  );
  if (accepted.length > 0) await parts.pins.accept(server, accepted.map(toPin), by);
  return accepted.map(([name, definition]) => viewOf(name, definition, pinned.get(name)));
}
