import type pg from 'pg';
import { toStorableText } from '../../base/text.ts';
import { inTransaction } from './transaction.ts';

/** A definition of a tool that may be called. */
export interface McpPin {
  readonly tool: string;
  /** Hex. */
  readonly digest: string;
  /** Canonical JSON. */
  readonly definition: string;
  /** Null: pinned at first sight. */
  readonly acceptedBy: string | null;
  readonly at: Date;
}

/** What is to be pinned. */
export interface McpPinned {
  readonly tool: string;
  readonly digest: string;
  readonly definition: string;
}

/** Where definitions are pinned. */
export interface McpPins {
  /** The definitions of a server's tools that may be called, by tool. */
  read(server: string): Promise<ReadonlyMap<string, McpPin>>;
  /** Pins tools at first sight; those that have a pin keep it. */
  first(server: string, tools: readonly McpPinned[]): Promise<void>;
  /** Pins what somebody accepted, in place of what was pinned. */
  accept(server: string, tools: readonly McpPinned[], by: McpAcceptor): Promise<void>;
}

/** Who accepts a definition. */
export interface McpAcceptor {
  readonly kind: string;
  readonly id: string;
}

/** Writes down in the same transaction that somebody has accepted tools. */
export type NoteAccepted = (
  client: pg.ClientBase,
  accepted: {
    readonly server: string;
    readonly tools: readonly McpPinned[];
    readonly by: McpAcceptor;
  },
) => Promise<void>;

/** Servers, and what they are trusted with, belong to the installation. */
const installation = 0;

/**
 * Pins in the database: what is accepted by one process holds for all of them. `pool` acts as `tutti_engine`.
 * @default note nothing: for who accepts nothing
 */
export function databasePins(pool: pg.Pool, note?: NoteAccepted): McpPins {
  const insert = `INSERT INTO tutti.mcp_tool (tenant_id, server, tool, no, digest, definition, accepted_by)
    SELECT ${installation}, $1, tool, next, decode(digest, 'hex'), definition, $5::jsonb
    FROM unnest($2::text[], $3::text[], $4::text[]) AS asked (tool, digest, definition)
    CROSS JOIN LATERAL (SELECT coalesce(max(no), 0) + 1 AS next FROM tutti.mcp_tool AS pin
      WHERE pin.tenant_id = ${installation} AND pin.server = $1 AND pin.tool = asked.tool) AS last`;
  const values = (server: string, tools: readonly McpPinned[], by: McpAcceptor | null) => [
    toStorableText(server),
    tools.map(({ tool }) => tool),
    tools.map(({ digest }) => digest),
    tools.map(({ definition }) => definition),
    by === null ? null : JSON.stringify(by),
  ];
  return {
    async read(server) {
      const { rows } = await pool.query<McpPin>(newest, [toStorableText(server)]);
      return new Map(rows.map((pin) => [pin.tool, pin]));
    },
    async first(server, tools) {
      // Two processes may see a tool for the first time at once: the first of them has pinned it.
      await pool.query(
        `${insert} WHERE next = 1 ON CONFLICT DO NOTHING`,
        values(server, tools, null),
      );
    },
    async accept(server, tools, by) {
      await inTransaction(pool, async (client) => {
        await client.query(insert, values(server, tools, by));
        await note?.(client, { server, tools, by });
      });
    },
  };
}

const newest = `SELECT DISTINCT ON (tool) tool, encode(digest, 'hex') AS digest, definition,
    accepted_by->>'id' AS "acceptedBy", at
  FROM tutti.mcp_tool WHERE tenant_id = ${installation} AND server = $1 ORDER BY tool, no DESC`;
