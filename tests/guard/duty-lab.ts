import type pg from 'pg';
import { type DutyRule, defineTool, Id, z } from 'tutti';
import { newId } from '../../core/base/ids.ts';
import { madeBy } from '../../core/guard/effects.ts';
import { type Invoked, invoke, type StepScope } from '../../core/guard/invoke.ts';
import { type Doings, type LineageQuestion, readDoings } from '../../core/ports/db/lineage.ts';
import type { EffectState } from '../../core/ports/db/states.ts';
import type { EffectRecord, Intent } from '../../core/ports/dispatcher.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { aConnector, aScope, Record } from './lab.ts';

const declaration = {
  description: 'Does its duty.',
  effect: 'write',
  result: z.object({ done: z.boolean() }),
  undo: { none: 'it is a test' },
  scope: 'run',
} as const;
const crates = z.object({ crate: Id('crate'), from: z.array(z.string()).default([]) });

/** A tool with this duty, about one crate, which may come from others. */
export function dutyTool(duty: string): AnyTool {
  return defineTool({
    ...declaration,
    name: `lab.crate.${duty}`,
    duty,
    parameters: crates,
    key: ({ crate }: z.output<typeof crates>) => [crate],
    lineage: ({ from }: z.output<typeof crates>) =>
      from.map((id) => ({ entity: 'crate' as const, id })),
  }).handler(async () => ({ done: true }));
}

/** A tool that makes a crate. */
export const make = defineTool({
  ...declaration,
  name: 'lab.crate.make',
  duty: 'make',
  parameters: z.object({ code: z.string() }),
  result: z.object({ id: Id('crate') }),
  key: ({ code }) => [code],
}).handler(async ({ code }) => ({ id: `made-${code}` as Id<'crate'> }));

const rules: readonly DutyRule[] = [
  { pair: ['pack', 'ship'], reason: 'whoever packs does not ship' },
  { pair: ['make', 'ship'], reason: 'whoever makes crates does not ship them' },
  { pair: ['count', 'count'], reason: 'two persons count' },
];

/** A run that is stored. */
export interface StoredRun {
  readonly id: string;
}

/** Whoever asks for a run. */
export interface Asker {
  readonly kind: string;
  readonly id: string;
  readonly onBehalfOf?: readonly string[];
}

/** A step at work. */
export interface Worker {
  readonly run: StoredRun;
  /** The agent that the workflow names. @default lab.keeper */
  readonly agent?: string;
  /** The agent that stands in for it. */
  readonly acting?: string;
}

/** A tenant whose runs and effects are rows of a real database, written as an engine writes them and read as a tenant. */
export class DutyLab {
  readonly #engine: pg.Pool;
  readonly #tenant: pg.Pool;
  readonly tenantId: number;
  readonly #connector = aConnector();
  /** What was asked of the database. */
  readonly asked: LineageQuestion[] = [];
  #steps = 0;

  constructor(pools: { readonly engine: pg.Pool; readonly tenant: pg.Pool }, tenantId: number) {
    this.#engine = pools.engine;
    this.#tenant = pools.tenant;
    this.tenantId = tenantId;
  }

  /** Stores a run. By default a schedule asked for it. */
  async run(
    options: { readonly by?: Asker; readonly parent?: StoredRun; readonly workflow?: string } = {},
  ): Promise<StoredRun> {
    const { by = { kind: 'schedule', id: 'nightly' }, parent, workflow = newId() } = options;
    const id = newId();
    await this.#engine.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, parent_run_id)
       VALUES ($1, $2, $3, 1, '{}', 2, '2026-06-30', 'UTC', 'running', $4, $5)`,
      [this.tenantId, id, workflow, JSON.stringify(by), parent?.id ?? null],
    );
    return { id };
  }

  /** Calls a tool in a step of its own. */
  async call(tool: AnyTool, args: unknown, worker: Worker): Promise<Invoked> {
    return await invoke(tool, args, await this.scope(tool, worker));
  }

  /** The same, as what became of it or the rule that refused it. */
  async outcome(tool: AnyTool, args: unknown, worker: Worker): Promise<string> {
    return wordOf(await this.call(tool, args, worker));
  }

  async scope(
    tool: AnyTool,
    { run, agent = 'lab.keeper', acting = agent }: Worker,
  ): Promise<StepScope> {
    this.#steps += 1;
    const step = this.#steps;
    const stepPath = `keep[${step}]`;
    await this.#engine.query(
      `INSERT INTO tutti.step (tenant_id, run_id, id, node, item_key, kind, agent, status, priority) VALUES ($1, $2, $3, 'keep', $4, 'task', $5, 'running', 5)`,
      [this.tenantId, run.id, step, String(step), agent],
    );
    const { scope } = aScope([tool], { act: true, connector: this.#connector });
    const policies = [
      ...scope.policies,
      { kind: 'policy', name: 'apart', grants: [], duties: rules } as const,
    ];
    const place = { tenantId: this.tenantId, runId: run.id, stepPath };
    const by = { id: agent, ...(acting !== agent && { acting }) };
    const recorder = new StoredRecord(this.#engine, { ...place, step, by, tool });
    const doneTo = (question: LineageQuestion): Promise<Doings> => {
      this.asked.push(question);
      return readDoings(this.#tenant, { ...place, agent: acting }, question);
    };
    return { ...scope, ...place, policies, agentName: acting, recorder, doneTo };
  }

  /** Stores as many effects, each on a document of its own. */
  async fill(effects: number): Promise<void> {
    const { id } = await this.run();
    await this.#engine.query(
      `INSERT INTO tutti.effect (tenant_id, key, run_id, step, seq, tool, contract, duty, actor, entity, target_id, args_sha256, state)
       SELECT $1, sha256(n::text::bytea), $2, 1, n, 'lab.crate.pack', '', 'pack', '{}', 'crate', 'c' || n, '', 'applied' FROM generate_series(1, $3::int) n`,
      [this.tenantId, id, effects],
    );
  }

  /** Gives the one effect of a tool this state. */
  async setState(tool: AnyTool, state: EffectState): Promise<void> {
    await this.#engine.query(
      `UPDATE tutti.effect SET state = $3 WHERE tenant_id = $1 AND tool = $2`,
      [this.tenantId, tool.name, state],
    );
  }
}

/** What became of a call, or the rule that refused it. */
export function wordOf(outcome: Invoked): string {
  if (outcome.kind !== 'effected') return JSON.stringify(outcome);
  return outcome.value.kind === 'refused' ? outcome.value.rule : outcome.value.kind;
}

interface Writer {
  readonly tenantId: number;
  readonly runId: string;
  readonly step: number;
  readonly by: { readonly id: string; readonly acting?: string };
  readonly tool: AnyTool;
}

/** The journal as a step sees it, in a database. */
class StoredRecord extends Record {
  readonly #pool: pg.Pool;
  readonly #writer: Writer;

  constructor(pool: pg.Pool, writer: Writer) {
    super();
    this.#pool = pool;
    this.#writer = writer;
  }

  override async begin(intent: Intent): Promise<EffectRecord | null> {
    const { tenantId, runId, step, by } = this.#writer;
    const key = Buffer.from(intent.key, 'hex');
    const { rowCount } = await this.#pool.query(
      `INSERT INTO tutti.effect (tenant_id, key, run_id, step, seq, tool, contract, duty, actor, entity, target_id, args_sha256, state)
       VALUES ($1, $2, $3, $4, 1, $5, '', $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
      [
        ...[tenantId, key, runId, step, intent.tool, intent.duty],
        ...[JSON.stringify({ kind: 'agent', ...by }), intent.entity, intent.targetId],
        ...[Buffer.from(intent.argsSha256, 'hex'), intent.state],
      ],
    );
    for (const { entity, id } of intent.related ?? [])
      await this.#document(key, 'related', { entity, id });
    if (rowCount === 1) return null;
    const { rows } = await this.#pool.query<{ state: EffectState; outcome: unknown }>(
      `SELECT state, outcome FROM tutti.effect WHERE tenant_id = $1 AND key = $2`,
      [tenantId, key],
    );
    const [known] = rows as [{ state: EffectState; outcome: unknown }];
    return { ...known, argsSha256: intent.argsSha256, ageMs: 3_600_000 };
  }

  override async end(hex: string, state: EffectState, outcome: unknown): Promise<void> {
    const key = Buffer.from(hex, 'hex');
    const made = state === 'applied' ? madeBy(this.#writer.tool, outcome) : null;
    if (made) await this.#document(key, 'made', made);
    await this.#pool.query(
      `UPDATE tutti.effect SET state = $3, outcome = $4 WHERE tenant_id = $1 AND key = $2`,
      [this.#writer.tenantId, key, state, JSON.stringify(outcome)],
    );
  }

  async #document(
    key: Buffer,
    part: string,
    { entity, id }: { readonly entity: string; readonly id: string },
  ): Promise<void> {
    await this.#pool.query(
      `INSERT INTO tutti.effect_document (tenant_id, entity, record_id, part, key) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
      [this.#writer.tenantId, entity, id, part, key],
    );
  }
}
