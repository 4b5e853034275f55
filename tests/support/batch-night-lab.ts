import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { newId } from '../../core/base/ids.ts';
import { tenantSetting } from '../../core/ports/db/transaction.ts';
import { insertRows } from '../../core/ports/erp/embedded/insert.ts';
import config, { nightLine } from './fixtures/batch-night.config.ts';
import { type EffectSeen, type Oracle, startOracle } from './oracle.ts';
import { type FreshDatabase, freshDatabase } from './postgres.ts';
import { scratchFolder } from './scratch.ts';
import { type ServedProcess, startServed } from './served-process.ts';

const configFile = fileURLToPath(new URL('./fixtures/batch-night.config.ts', import.meta.url));
const lookMs = 1_000;
const answerWithinMs = 60_000;

/** A night over very many records on a server that may be killed, with an oracle of what it sends. */
export class BatchNightLab {
  readonly fresh: FreshDatabase;
  readonly oracle: Oracle;
  readonly #pool: pg.Pool;
  readonly #folder: ReturnType<typeof scratchFolder>;
  #server: ServedProcess | null = null;

  private constructor(parts: {
    readonly fresh: FreshDatabase;
    readonly oracle: Oracle;
    readonly folder: ReturnType<typeof scratchFolder>;
  }) {
    this.fresh = parts.fresh;
    this.oracle = parts.oracle;
    this.#folder = parts.folder;
    this.#pool = parts.fresh.database.pool('tutti_engine', 2);
  }

  static async open(): Promise<BatchNightLab> {
    const fresh = await freshDatabase();
    const folder = scratchFolder({});
    const oracle = await startOracle(join(folder.path, 'oracle.log'));
    return new BatchNightLab({ fresh, oracle, folder });
  }

  async close(context?: Mocha.Context): Promise<void> {
    this.#server?.kill('SIGKILL');
    await this.#server?.ended;
    await this.oracle.close();
    await this.fresh.drop(context);
    this.#folder[Symbol.dispose]();
  }

  /** Where the API is; null while there is no server. */
  get url(): string | null {
    return this.#server?.url ?? null;
  }

  async serve(): Promise<void> {
    const env = { DATABASE_URL: this.fresh.url, ...this.oracle.env, ORACLE_MODEL_URL: '' };
    this.#server = await startServed({ config: configFile, cwd: this.#folder.path, env });
  }

  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    server?.kill('SIGKILL');
    await server?.ended;
  }

  /** Puts lines into the books of the server's tenant, which it has made. */
  async load(count: number): Promise<void> {
    const rows = Array.from({ length: count }, (_, index) => ({
      id: newId(),
      number: `line-${100_000 + index}`,
      quantity: index % 97,
    }));
    const tenantId = await this.#tenant();
    await this.fresh.database.admin(async (client) => {
      await client.query(`SET LOCAL ROLE tutti_tenant; ${tenantSetting(tenantId)}`);
      const entities = config.modules.flatMap(({ records }) => records ?? []);
      await insertRows(client, { tenantId, entities, rows: new Map([[nightLine.name, rows]]) });
    });
  }

  /** Starts a run through the API. */
  async start(workflow: string, input: object = {}): Promise<string> {
    const response = await fetch(`${this.url}/v1/runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': newId() },
      body: JSON.stringify({ workflow, input }),
      signal: AbortSignal.timeout(answerWithinMs),
    });
    const answer = (await response.json()) as { readonly id: string };
    assert.equal(response.status, 202, JSON.stringify(answer));
    return answer.id;
  }

  /** The lines whose steps have ended, for good. */
  async done(runId: string): Promise<ReadonlySet<string>> {
    const rows = await this.query<{ item: string }>(
      `SELECT item_key AS item FROM tutti.step WHERE run_id = $1 AND agent IS NOT NULL AND status = 'succeeded'`,
      [runId],
    );
    return new Set(rows.map(({ item }) => item));
  }

  /** Waits until so many lines are done. */
  async whenDone(runId: string, count: number, withinMs: number): Promise<void> {
    await this.#until(withinMs, async () => {
      const [row] = await this.query<{ done: number }>(
        `SELECT count(*)::int AS done FROM tutti.step WHERE run_id = $1 AND agent IS NOT NULL AND status = 'succeeded'`,
        [runId],
      );
      return (row?.done ?? 0) >= count;
    });
  }

  /** Waits for the end of a run; resolves with its status. */
  async whenEnded(runId: string, withinMs: number): Promise<string> {
    let status = '';
    await this.#until(withinMs, async () => {
      const [row] = await this.query<{ status: string; ended: boolean }>(
        'SELECT status, ended_at IS NOT NULL AS ended FROM tutti.run WHERE id = $1',
        [runId],
      );
      status = row?.status ?? '';
      return row?.ended === true;
    });
    return status;
  }

  /** What has reached the receiver, oldest first. */
  notices(): readonly EffectSeen[] {
    return this.oracle.entries().filter((entry) => entry.kind === 'effect');
  }

  async query<T extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
    return (await this.#pool.query<T>(text, [...values])).rows;
  }

  async #tenant(): Promise<number> {
    const [row] = await this.query<{ id: number }>(
      `SELECT id FROM tutti.tenant WHERE slug = 'sample-1'`,
    );
    assert.ok(row, 'the server has made its tenant');
    return row.id;
  }

  async #until(withinMs: number, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await isSo())) {
      assert.ok(performance.now() < deadline, `not within ${withinMs} ms`);
      // Looking counts many rows: seldom, so that it keeps nobody from working.
      await sleep(lookMs);
    }
  }
}
