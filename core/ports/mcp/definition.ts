import type { Tool } from '@modelcontextprotocol/client';
import { canonicalJson, digest } from '../../base/ids.ts';

/** A tool as its server describes it now. */
export interface Definition {
  readonly tool: Tool;
  /** Hex, over what callers rely on. */
  readonly digest: string;
  /** Canonical JSON of the same. */
  readonly text: string;
}

/** The longest name that is taken, in characters: twice what the protocol recommends. */
const longestName = 256;

/** What is pinned of a tool, and nothing else: icons and what a server says of itself in `_meta` may change at any time. */
function definitionOf(tool: Tool): Definition {
  const { name, title, description, inputSchema, outputSchema, annotations } = tool;
  const pinned = { name, title, description, inputSchema, outputSchema, annotations };
  return {
    tool,
    digest: digest('mcp-tool', pinned).toString('hex'),
    text: canonicalJson(pinned),
  };
}

/** The tools that have a usable name, by name, in the server's order; of two with the same one the first. */
export function definitionsOf(tools: readonly Tool[]): ReadonlyMap<string, Definition> {
  const listed = new Map<string, Definition>();
  for (const tool of tools) {
    const { name } = tool;
    const isUsable = name !== '' && name.length <= longestName && !/\p{C}/u.test(name);
    if (isUsable && !listed.has(name)) listed.set(name, definitionOf(tool));
  }
  return listed;
}

/** One member of a definition that differs. */
export interface DefinitionChange {
  /** `inputSchema.properties.path` */
  readonly path: string;
  /** Undefined where it was not there. */
  readonly before: unknown;
  /** Undefined where it is no longer there. */
  readonly after: unknown;
}

/** What differs between two definitions, member by member. */
export function changesOf(before: unknown, after: unknown, path = ''): readonly DefinitionChange[] {
  if (canonicalJson(before ?? null) === canonicalJson(after ?? null)) return [];
  if (!isRecord(before) || !isRecord(after)) return [{ path, before, after }];
  const members = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return members.flatMap((member) =>
    changesOf(before[member], after[member], path === '' ? member : `${path}.${member}`),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
