import type pg from 'pg';
import { digest } from '../../core/base/ids.ts';
import { Undo, type UndoAsk } from '../../core/engine/undo/undo.ts';
import type { UndoView } from '../../core/engine/undo/undo-view.ts';
import type { RunStatus } from '../../core/ports/db/states.ts';
import type { WorkflowData } from '../../core/sdk/node.ts';
import { openTestEngine, requestOf, type TestEngine } from './engine.ts';
import { eventually } from './eventually.ts';

/** A call of a tool, with arguments that fit it. */
export interface ToolCall {
  readonly tool: string;
  readonly args: unknown;
}

/** What the books say, by entity: a digest of all that counts. */
export type Books = ReadonlyMap<string, string>;

/** An engine over the real modules and the sample company, whose runs are undone. */
export class UndoLab {
  readonly engine: TestEngine;
  readonly tenantId: number;
  readonly undo: Undo;
  readonly pool: pg.Pool;
  #runs = 0;

  private constructor(engine: TestEngine, tenantId: number) {
    this.engine = engine;
    this.tenantId = tenantId;
    const { host } = engine;
    this.pool = host.database.pool('tutti_engine', 2);
    const { store, registry } = host;
    const connector = (tenant: number) => host.connector(tenant);
    this.undo = new Undo({ pool: this.pool, store, registry, connector });
  }

  /** `company`: whether there is the sample company, or nothing at all. */
  static async open({ company }: { readonly company: boolean }): Promise<UndoLab> {
    const config = new URL('./fixtures/undo.config.ts', import.meta.url);
    const engine = await openTestEngine(config, { hasCompany: company });
    const { host } = engine;
    const tenantId = company
      ? (await host.sampleTenant(1)).tenantId
      : await host.store.tenant('shelf');
    return new UndoLab(engine, tenantId);
  }

  /** Calls tools one after the other in a run of its own, whatever becomes of each; its id and status. */
  async call(
    calls: readonly ToolCall[],
    { onFailure, partial = true }: { readonly onFailure?: 'undo'; readonly partial?: boolean } = {},
  ): Promise<{ readonly id: string; readonly status: RunStatus }> {
    this.#runs += 1;
    const data: WorkflowData = {
      name: `calls_${this.#runs}`,
      deadline: null,
      budgetMicroUsd: null,
      partial,
      concurrency: 1,
      ...(onFailure && { onFailure }),
      nodes: calls.map(({ tool, args }, index) => ({
        kind: 'tool',
        id: `c${index}`,
        after: index === 0 ? [] : [`c${index - 1}`],
        join: 'all_done',
        priority: null,
        critical: null,
        retry: { attempts: 1 },
        tool,
        args: args as string,
      })),
    };
    return await this.run(data);
  }

  /** Runs a workflow that the configuration does not have to its end; its id and status. */
  async run(
    data: WorkflowData,
    input: unknown = {},
  ): Promise<{ readonly id: string; readonly status: RunStatus }> {
    const { tenantId } = this;
    const { id } = await this.engine.engine.startOwn({
      request: requestOf(data.name, { tenantId, input }),
      workflow: { data, module: null, digest: digest(data) },
    });
    return { id, status: await this.engine.engine.whenEnded(id) };
  }

  /** Undoes a run, or one step of it, and waits for the end. */
  async takeBack(
    runId: string,
    { step, ...more }: Partial<UndoAsk> = {},
  ): Promise<UndoView & { readonly id: string }> {
    const { tenantId } = this;
    const actor = { kind: 'person', id: 'anna' } as const;
    const ask = { tenantId, runId, step, actor, reason: 'it was wrong', ...more };
    const { id } = await this.undo.start(ask);
    await this.engine.engine.whenEnded(id);
    return (await this.undo.view(ask)) as UndoView & { readonly id: string };
  }

  /** What an undo that starts by itself has come to. */
  async takenBack(runId: string): Promise<UndoView> {
    const { tenantId } = this;
    const { id } = await eventually(() => this.undo.view({ tenantId, runId }));
    await this.engine.engine.whenEnded(id ?? '');
    return (await this.undo.view({ tenantId, runId })) as UndoView;
  }

  async query<T extends object>(text: string, ...values: readonly unknown[]): Promise<T[]> {
    return await this.engine.host.database.admin(
      async (client) => (await client.query<T>(text, [...values])).rows,
    );
  }

  /**
   * What the books hold: every row of every entity, but for how often it was changed, and for documents that were taken back: those
   * count for nothing. Balances, stock and open items are sums over these.
   */
  async books(entities?: readonly string[]): Promise<Books> {
    const names = entities ?? [...this.engine.host.registry.entities.keys()];
    const digestOf = (name: string) =>
      `SELECT '${name}' AS name, count(*) || ' ' || coalesce(sum(hashtextextended(b::text, 0)), 0) AS digest FROM (
         SELECT to_jsonb(t) - '{version,change_seq,change_xid,updated_at}'::text[] AS b FROM erp."${name}" t WHERE tenant_id = $1) rows
       WHERE coalesce(b->>'status', '') NOT IN ('withdrawn', 'discarded', 'cancelled', 'dismissed', 'gone')`;
    const rows = await this.query<{ name: string; digest: string }>(
      names.map(digestOf).join(' UNION ALL '),
      this.tenantId,
    );
    return new Map(rows.map(({ name, digest }) => [name, digest]));
  }
}

/** Why effects stayed, by their tools. */
export const leftBy = (view: UndoView): readonly (readonly [tool: string, reason: string])[] =>
  view.effects.flatMap(({ tool, became, reason }) =>
    became === 'left' ? [[tool, reason ?? ''] as const] : [],
  );
