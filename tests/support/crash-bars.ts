import assert from 'node:assert/strict';
import type { CrashLab } from './crash-lab.ts';
import type { EffectSeen, ModelSeen, OracleEntry } from './oracle.ts';
import { storyOf } from './step-story.ts';

/*
 * What must hold of a run of `crash.work` however often its engines died: the database is compared with the log of the world
 * outside, never with itself alone.
 */

/** Of one run: what it was given. */
export interface WorkRun {
  readonly id: string;
  readonly items: readonly string[];
}

/** What reached the world outside, in the order in which it did. */
interface Outside {
  /** By the effect's key. */
  readonly effects: ReadonlyMap<string, readonly EffectSeen[]>;
  /** By the item that the agent worked on. */
  readonly calls: ReadonlyMap<string, readonly ModelSeen[]>;
}

const outsides = new WeakMap<readonly OracleEntry[], Outside>();

/** Sorted once as long as nothing new has reached it: of thousands of runs each looks its own up. */
function outsideOf({ oracle }: Pick<CrashLab, 'oracle'>): Outside {
  const entries = oracle.entries();
  const known = outsides.get(entries);
  if (known) return known;
  const effects = entries.filter((entry) => entry.kind === 'effect');
  const calls = entries.filter((entry) => entry.kind === 'model');
  const sorted = {
    effects: Map.groupBy(effects, ({ key }) => key),
    calls: Map.groupBy(calls, ({ input }) => (JSON.parse(input) as { readonly id: string }).id),
  };
  outsides.set(entries, sorted);
  return sorted;
}

/** Where clerks stand, and their model calls: look, draft, mail, answer. */
const clerkNode = 'items/talk';
const clerkTurns = 4;

/** 20 agents for 4 items: survey, flaky, letter, sum, and 4 an item. */
export const agentsOf = (items: number): number => 4 + 4 * items;

/** Every step one terminal row and one terminal entry, the run ended, the journal from beginning to end. */
async function assertRecorded(lab: CrashLab, { id, items }: WorkRun): Promise<void> {
  const runs = await lab.query('SELECT status, owner FROM tutti.run WHERE id = $1', [id]);
  assert.deepEqual(runs, [{ status: 'succeeded', owner: null }]);
  // Its foreach and its gate are steps, too.
  const steps = await lab.query(
    `SELECT status, count(*)::int AS steps, count(ended_at)::int AS ended FROM tutti.step WHERE run_id = $1 GROUP BY 1`,
    [id],
  );
  const all = agentsOf(items.length) + 2;
  assert.deepEqual(steps, [{ status: 'succeeded', steps: all, ended: all }]);
  const ends = await lab.query(
    `SELECT s.node, s.item_key, count(e.seq)::int AS ends FROM tutti.step s
     LEFT JOIN tutti.entry e ON e.run_id = s.run_id AND e.step = s.id AND e.kind IN ('step.succeeded', 'step.failed', 'step.skipped')
     WHERE s.run_id = $1 AND s.agent IS NOT NULL GROUP BY 1, 2 HAVING count(e.seq) <> 1`,
    [id],
  );
  assert.deepEqual(ends, [], 'steps without exactly one end');
  const once = await lab.query(
    `SELECT kind, count(*)::int AS times FROM tutti.entry WHERE run_id = $1 AND kind IN ('run.created', 'run.ended', 'foreach.expanded')
     GROUP BY 1 HAVING count(*) <> 1`,
    [id],
  );
  assert.deepEqual(once, []);
  // Numbers rise; a reservation that was withdrawn before it was written leaves its number unused.
  const [journal] = await lab.query(
    `SELECT (array_agg(kind ORDER BY seq))[1] AS first, (array_agg(kind ORDER BY seq DESC))[1] AS last FROM tutti.entry WHERE run_id = $1`,
    [id],
  );
  assert.deepEqual(journal, { first: 'run.created', last: 'run.ended' });
  const attempts = await lab.query(
    `SELECT s.node, s.item_key, s.attempt, count(a.no)::int AS recorded FROM tutti.step s LEFT JOIN tutti.attempt a ON a.run_id = s.run_id AND a.step = s.id
     WHERE s.run_id = $1 AND s.agent IS NOT NULL GROUP BY 1, 2, 3 HAVING count(a.no) FILTER (WHERE a.outcome = 'succeeded') <> 1 OR count(a.no) <> s.attempt`,
    [id],
  );
  assert.deepEqual(
    attempts,
    [],
    'steps whose attempts are not all recorded, one of them as the success',
  );
  const [sum] = await lab.query<{ output: unknown }>(
    `SELECT convert_from(p.body, 'UTF8')::jsonb AS output FROM tutti.step s JOIN tutti.payload p ON p.run_id = s.run_id AND p.seq = s.output_seq
     WHERE s.run_id = $1 AND s.node = 'sum'`,
    [id],
  );
  assert.deepEqual(sum?.output, { ids: items, missing: 0 });
}

/** Everything that was to happen outside and in the books happened once, and the database knows of all of it. */
async function assertEffects(lab: CrashLab, { id, items }: WorkRun): Promise<void> {
  const effects = await lab.query<{ key: string; tool: string; state: string }>(
    `SELECT encode(key, 'hex') AS key, tool, state FROM tutti.effect WHERE run_id = $1`,
    [id],
  );
  const open = effects.filter(({ state }) => !['applied', 'replayed'].includes(state));
  assert.deepEqual(open, [], 'effects whose end is not recorded');
  const byKey = outsideOf(lab).effects;
  const seen = effects.flatMap(({ key }) => byKey.get(key) ?? []);
  const done = Map.groupBy(
    seen.filter(({ again }) => !again),
    ({ tool }) => tool,
  );
  for (const tool of ['bank.payment.send', 'desk.mail.send']) {
    const sent = (done.get(tool) ?? []).map(({ args }) => args).sort();
    assert.deepEqual(sent, items.toSorted(), `what ${tool} did outside`);
  }
  // Where nobody knew, somebody was asked who could find out; without that there would be fewer, and never more.
  assert.equal(done.get('bank.letter.send')?.length, 1, 'letters');
  const notes = await lab.query(
    `SELECT count(*)::int AS notes, count(DISTINCT (number, by))::int AS different FROM erp.crash_note WHERE tenant_id = $1 AND number = ANY ($2)`,
    [lab.tenantId, items],
  );
  assert.deepEqual(notes, [{ notes: 2 * items.length, different: 2 * items.length }]);
}

/** What is known of the model calls of an item: in the ledger, in the journal, and at the provider. */
interface Calls {
  readonly item: string;
  /** Whether a playbook took the place of a model that was left alone: it broke off too often, as on a machine that stands still. */
  readonly degraded: boolean;
  /** Turns with an answer. */
  readonly recorded: number;
  readonly settled: number;
  readonly estimated: number;
  readonly open: number;
  readonly made: number;
}

/**
 * Each turn that has an answer is settled once, and none of them was paid for again: beyond those calls at most the ones reached the
 * provider that broke off or were under way at a death.
 */
async function assertModelCalls(lab: CrashLab, { id, items }: WorkRun): Promise<void> {
  const steps = await lab.query<Omit<Calls, 'made'>>(
    `SELECT s.item_key AS item, s.degraded, (SELECT count(DISTINCT e.data->>'turn')::int FROM tutti.entry e
         WHERE e.run_id = $1 AND e.step = s.id AND e.kind = 'turn.ended' AND NOT e.data ? 'error') AS recorded,
       count(*) FILTER (WHERE l.state = 'settled')::int AS settled, count(*) FILTER (WHERE l.state = 'estimated')::int AS estimated,
       count(*) FILTER (WHERE l.state = 'reserved')::int AS open
     FROM tutti.step s LEFT JOIN tutti.ledger l ON l.run_id = s.run_id AND l.step = s.id WHERE s.run_id = $1 AND s.node = $2 GROUP BY s.id, 1, 2`,
    [id, clerkNode],
  );
  assert.deepEqual(steps.map(({ item }) => item).toSorted(), items.toSorted());
  const { calls } = outsideOf(lab);
  const counted = steps.map((step) => ({ ...step, made: calls.get(step.item)?.length ?? 0 }));
  const odd = counted.filter((each) => !isSettledOnce(each));
  if (odd.length === 0) return;
  const keys = odd.map(({ item }) => item);
  const story = await storyOf(lab, { runId: id, node: clerkNode, items: keys });
  assert.deepEqual(odd, [], `each turn is settled once\n${story}`);
}

function isSettledOnce({ degraded, recorded, settled, estimated, open, made }: Calls): boolean {
  const isAsOften = degraded ? recorded < clerkTurns : recorded === clerkTurns;
  const isKnown = made >= settled && made <= settled + estimated;
  return isAsOften && settled === recorded && open === 0 && isKnown;
}

/** When nothing runs, nothing is reserved, and purses, steps and ledger agree. */
async function assertMoney(lab: CrashLab): Promise<void> {
  const [sums] = await lab.query(
    `SELECT (SELECT coalesce(sum(cost_micro_usd), 0)::bigint FROM tutti.ledger) AS ledger,
       (SELECT coalesce(sum(cost_micro_usd), 0)::bigint FROM tutti.step) AS steps,
       (SELECT count(*)::int FROM tutti.ledger WHERE state = 'reserved') AS open`,
  );
  const purses = await lab.query(
    `SELECT scope, sum(reserved_micro_usd)::bigint AS reserved, sum(settled_micro_usd)::bigint AS settled
     FROM tutti.budget WHERE scope IN ('tenant', 'module:desk', 'workflow:crash.work') GROUP BY 1 ORDER BY 1`,
  );
  assert.equal(sums?.open, 0);
  assert.equal(sums?.steps, sums?.ledger, 'what the steps cost');
  assert.deepEqual(
    purses,
    ['module:desk', 'tenant', 'workflow:crash.work'].map((scope) => ({
      scope,
      reserved: 0,
      settled: sums?.ledger,
    })),
  );
}

/** What was done outside was recorded as begun before: an acknowledged entry that went missing would leave an effect without its key. */
async function assertKnown(lab: Pick<CrashLab, 'oracle' | 'query'>): Promise<void> {
  const rows = await lab.query<{ key: string }>(
    `SELECT encode(key, 'hex') AS key FROM tutti.effect`,
  );
  const known = new Set(rows.map(({ key }) => key));
  const seen = lab.oracle.entries().filter((entry) => entry.kind === 'effect');
  assert.deepEqual(
    seen.filter(({ key }) => !known.has(key)),
    [],
  );
}

/** All of the above, of all runs of a lab. */
export async function assertWhole(lab: CrashLab, runs: readonly WorkRun[]): Promise<void> {
  for (const run of runs) {
    try {
      await assertRecorded(lab, run);
      await assertEffects(lab, run);
      await assertModelCalls(lab, run);
    } catch (error) {
      throw new Error(`run ${run.id} of ${run.items.join(' ')}`, { cause: error });
    }
  }
  await assertMoney(lab);
  await assertKnown(lab);
}

/** Each item of a run that only pays was paid for once. */
export async function assertPaid(
  lab: Pick<CrashLab, 'oracle' | 'query'>,
  { id, items }: WorkRun,
): Promise<void> {
  const effects = await lab.query<{ key: string; state: string }>(
    `SELECT encode(key, 'hex') AS key, state FROM tutti.effect WHERE run_id = $1`,
    [id],
  );
  const keys = new Set(effects.map(({ key }) => key));
  const paid = lab.oracle
    .entries()
    .flatMap((entry) => (entry.kind === 'effect' && keys.has(entry.key) ? [entry.args] : []));
  assert.deepEqual(paid.toSorted(), items.toSorted());
  assert.ok(effects.every(({ state }) => state === 'applied' || state === 'replayed'));
}
