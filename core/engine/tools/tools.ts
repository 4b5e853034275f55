import type { Kysely } from 'kysely';
import { EngineError } from '../../base/errors.ts';
import type { Database } from '../../ports/db/database.ts';
import type { Tables } from '../../ports/db/tables.ts';
import type { AnyTool } from '../../sdk/tool.ts';
import type { SettingStore } from '../recovery/setting-store.ts';
import { publishedRegistry } from '../versions/published.ts';
import { accessOf, type GrantAsk, grantTool, revokeTool } from './grants.ts';
import {
  declaredOf,
  isShown,
  type ToolDetail,
  type ToolParts,
  type ToolView,
  viewOf,
} from './tool-view.ts';
import { type ToolUse, type ToolUseRow, toolUseSince } from './usage.ts';

/** Over how many days use is counted, today included. */
interface Over {
  /** @default 7 */
  readonly days?: number;
}

const dayMs = 86_400_000;
const usualDays = 7;

/** The tools of an installation: what they are, who may use them, and how they are used. */
export class Tools {
  readonly #kysely: Kysely<Tables>;
  readonly #settings: SettingStore;
  readonly #parts: ToolParts;

  constructor(database: Pick<Database, 'kysely'>, settings: SettingStore, parts: ToolParts) {
    this.#kysely = database.kysely('tutti_engine');
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Every tool, by name. */
  async list(tenantId: number, over: Over = {}): Promise<readonly ToolView[]> {
    const rows = await this.#use(tenantId, over, null);
    const inAll = new Map(rows.filter(isTotal).map((row) => [row.tool, useOf(row)]));
    return [...this.#parts.registry.tools.values()]
      .filter(isShown)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((tool) => viewOf(tool, inAll.get(tool.name) ?? null, this.#parts.config));
  }

  /** One tool, with its schemas, its callers and its use by agent and day. @throws TOOL_UNKNOWN */
  async show(tenantId: number, name: string, over: Over = {}): Promise<ToolDetail> {
    const tool = this.#tool(name);
    const { store, registry } = this.#parts;
    const [rows, published] = await Promise.all([
      this.#use(tenantId, over, name),
      publishedRegistry(store.definitions, registry, { tenantId }),
    ]);
    const total = rows.find(isTotal);
    return {
      ...viewOf(tool, total ? useOf(total) : null, this.#parts.config),
      ...declaredOf(tool, await accessOf(this.#settings, tenantId), published),
      byAgent: rows.flatMap((row) =>
        row.agent === null ? [] : [{ agent: row.agent, ...useOf(row) }],
      ),
      byDay: rows
        .flatMap((row) => (row.day === null ? [] : [{ day: row.day, ...useOf(row) }]))
        .toSorted((a, b) => (a.day < b.day ? -1 : 1)),
    };
  }

  /** Gives a tool to an agent or a role. @throws TOOL_UNKNOWN · INPUT_INVALID */
  async grant(ask: GrantAsk): Promise<ToolDetail> {
    this.#tool(ask.tool);
    await grantTool(this.#settings, ask);
    return await this.show(ask.tenantId, ask.tool);
  }

  /** Takes a tool back. @throws TOOL_UNKNOWN · INPUT_INVALID */
  async revoke(ask: GrantAsk): Promise<ToolDetail> {
    this.#tool(ask.tool);
    await revokeTool(this.#settings, ask);
    return await this.show(ask.tenantId, ask.tool);
  }

  #tool(name: string): AnyTool {
    const tool = this.#parts.registry.tools.get(name);
    if (tool && isShown(tool)) return tool;
    throw new EngineError(
      'TOOL_UNKNOWN',
      `There is no tool '${name.slice(0, 100)}'; see: tutti tools`,
    );
  }

  async #use(
    tenantId: number,
    { days = usualDays }: Over,
    tool: string | null,
  ): Promise<readonly ToolUseRow[]> {
    const today = new Date(Math.floor(Date.now() / dayMs) * dayMs);
    const since = new Date(today.getTime() - (days - 1) * dayMs);
    return (await toolUseSince(tenantId, since, tool).execute(this.#kysely)).rows;
  }
}

function isTotal({ agent, day }: ToolUseRow): boolean {
  return agent === null && day === null;
}

function useOf({ tool: _, agent: __, day: ___, ...use }: ToolUseRow): ToolUse {
  return use;
}
