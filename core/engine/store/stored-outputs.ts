import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../../ports/db/database.ts';
import type { StepStatus } from '../../ports/db/states.ts';
import { bodyText, vaultOf } from '../../ports/db/vault.ts';

/** What a step has brought, as it is stored. */
export interface StoredOutput {
  readonly node: string;
  readonly itemKey: string;
  readonly status: StepStatus;
  readonly isBegun: boolean;
  /** Whether anything is stored for it. */
  readonly isStored: boolean;
  /** JSON; null: nothing is stored, or it has been erased. */
  readonly body: string | null;
}

/** A body of a run, null once it has been erased. */
export interface StoredContent {
  readonly body: string | null;
}

/** Reads what single steps of a run have brought, and what they were opened with: each by its place, as much as is asked for. */
export class StoredOutputs {
  readonly #database: Pick<Database, 'rowsOf'>;
  readonly #tenantId: number;
  readonly #run: RawBuilder<unknown>;

  constructor(
    database: Pick<Database, 'rowsOf'>,
    { tenantId, runId }: { readonly tenantId: number; readonly runId: string },
  ) {
    this.#database = database;
    this.#tenantId = tenantId;
    this.#run = sql`tenant_id = ${tenantId} AND run_id = ${runId}::uuid`;
  }

  /** Of some nodes, or of those of one item. @default itemKey none: those of the graph itself */
  steps(nodes: readonly string[], itemKey = ''): Promise<readonly StoredOutput[]> {
    return this.#steps(nodes, sql`= ${itemKey}`);
  }

  /** Of some nodes in all items of their foreach, item by item in its order. */
  items(nodes: readonly string[]): Promise<readonly StoredOutput[]> {
    return this.#steps(nodes, sql`<> ''`);
  }

  /** The list that a foreach was opened with; undefined: it never was. */
  async opened(foreach: string): Promise<StoredContent | undefined> {
    const [opened] = await this.#read<StoredContent>(
      sql`SELECT ${this.#body(sql`e.seq`)} AS body FROM tutti.entry e WHERE ${this.#run} AND e.kind = 'foreach.expanded'
        AND e.step = (SELECT id FROM tutti.step WHERE ${this.#run} AND node = ${foreach} AND item_key = '') ORDER BY e.seq LIMIT 1`,
    );
    return opened;
  }

  /** The run's input. */
  async input(): Promise<StoredContent> {
    const [input] = await this.#read<StoredContent>(sql`SELECT ${this.#body(sql`1`)} AS body`);
    return input as StoredContent;
  }

  async #steps(
    nodes: readonly string[],
    keys: RawBuilder<unknown>,
  ): Promise<readonly StoredOutput[]> {
    if (nodes.length === 0) return [];
    // One by one, so that each is found by the index of nodes and keys also while the database knows nothing of the size of its tables.
    // Bodies are looked up by their keys and not joined, as in `Store.history`.
    return this.#read<StoredOutput>(
      sql`SELECT s.node, s.item_key, s.status, s.is_begun, s.output_seq IS NOT NULL AS is_stored, ${this.#body(sql`s.output_seq`)} AS body
        FROM unnest(${nodes}::text[]) AS n (name) CROSS JOIN LATERAL (
          SELECT id, node, item_key, status, started_at IS NOT NULL AS is_begun, output_seq FROM tutti.step
          WHERE ${this.#run} AND node = n.name AND item_key ${keys} OFFSET 0) s ORDER BY s.id`,
    );
  }

  #body(seq: RawBuilder<unknown>): RawBuilder<unknown> {
    return sql`(SELECT ${sql.raw(bodyText('p'))} FROM tutti.payload p WHERE ${this.#run} AND p.seq = ${seq} AND p.part = 0)`;
  }

  async #read<T extends StoredContent>(query: RawBuilder<unknown>): Promise<readonly T[]> {
    const rows = await this.#database.rowsOf(this.#tenantId, query as RawBuilder<T>);
    return vaultOf(this.#database).open(rows, 'body');
  }
}
