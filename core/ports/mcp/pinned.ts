import { EngineError } from '../../base/errors.ts';
import type { McpPins } from '../db/mcp-pins.ts';
import type { Definition } from './definition.ts';

type Listed = ReadonlyMap<string, Definition>;

/** Lets through the tools whose definition is the pinned one. What is seen for the first time is pinned. */
export class Pinned {
  readonly #pins: McpPins;
  /** By list and server: two names may share a session, and with it a list. */
  readonly #seen = new WeakMap<Listed, Map<string, Promise<Map<string, string>>>>();

  constructor(pins: McpPins) {
    this.#pins = pins;
  }

  /** @throws MCP_TOOL_CHANGED until somebody accepts what the server says now */
  async require(server: string, listed: Listed, definition: Definition): Promise<void> {
    const { tool, digest } = definition;
    const known = await this.#see(server, listed);
    if (known.get(tool.name) === digest) return;
    // Somebody may have accepted it since, in another process.
    const pin = (await this.#pins.read(server)).get(tool.name);
    if (pin?.digest === digest) {
      known.set(tool.name, digest);
      return;
    }
    throw new EngineError(
      'MCP_TOOL_CHANGED',
      `MCP server '${server}' describes its tool '${tool.name}' in another way than when it was pinned; look at it with: tutti mcp tools ${server}, then: tutti mcp accept ${server} ${tool.name}`,
      { details: { server, tool: tool.name, digest, pinned: pin?.digest ?? null } },
    );
  }

  async #see(server: string, listed: Listed): Promise<Map<string, string>> {
    const servers = this.#seen.get(listed) ?? new Map<string, Promise<Map<string, string>>>();
    this.#seen.set(listed, servers);
    const known = servers.get(server);
    if (known) return await known;
    const looked = this.#look(server, listed);
    servers.set(server, looked);
    looked.catch(() => servers.delete(server));
    return await looked;
  }

  async #look(server: string, listed: Listed): Promise<Map<string, string>> {
    const before = await this.#pins.read(server);
    const unseen = [...listed].filter(([name]) => !before.has(name));
    if (unseen.length > 0) await this.#pins.first(server, unseen.map(toPin));
    const after = unseen.length > 0 ? await this.#pins.read(server) : before;
    return new Map([...after].map(([name, { digest }]) => [name, digest]));
  }
}

/** A definition as it is pinned. */
export function toPin([tool, { digest, text }]: readonly [string, Definition]) {
  return { tool, digest, definition: text };
}
