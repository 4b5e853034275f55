import type { RunStatus } from '../../../core/engine/run/states.ts';
import type { Takeover } from '../../../core/engine/store/carried.ts';
import type { RunRow } from '../../../core/engine/store/store.ts';
import type { Registry } from '../../../core/sdk/registry.ts';
import type { Child, SimDatabase, StoredRun } from './database.ts';
import { carry, expansionsOf, formerSteps } from './stored-runs.ts';

type Values = readonly unknown[];

/** A statement as it was read. */
interface Statement {
  /** What it does, where others may come between; null: nobody could. */
  readonly what: string | null;
  readonly execute: () => { readonly rows: readonly object[]; readonly rowCount: number };
}

type Reader = readonly [
  begins: RegExp,
  what: string | null,
  execute: (values: Values) => readonly object[],
];

/**
 * The statements about runs that steps start, with the meaning of their SQL (core/engine/outside/children.ts and child-ends.ts, retry.ts,
 * store/store.ts). They are known by how they begin; one that is not known is a fault of the world.
 */
export class Statements {
  readonly #database: SimDatabase;
  readonly #registry: Registry;
  readonly #readers: readonly Reader[];
  /** The ids that the database has given to retries, by those that engines have made up: theirs are never the same again. */
  readonly #ids = new Map<unknown, string>();
  #children = 0;

  constructor(database: SimDatabase, registry: Registry) {
    this.#database = database;
    this.#registry = registry;
    this.#readers = [
      [/^SELECT granted OR EXISTS/, null, () => [this.#pending()]],
      [/^SELECT d\.kind, f\.name/, null, () => []],
      [/^SELECT version FROM tutti\.definition/, null, () => [{ version: 1 }]],
      [/^SELECT name, version, digest, module, body/, null, ([, name]) => this.#workflow(name)],
      [/^SELECT id, workflow_version, company, pins/, null, ([, , key]) => this.#known(key)],
      [/^SELECT id, retry_of FROM tutti\.run/, null, ([, , key]) => this.#known(key)],
      [/^WITH made AS \(INSERT INTO tutti\.run [^)]*\)\s+VALUES/, 'a run', (of) => this.#make(of)],
      [/^WITH made AS \(INSERT INTO tutti\.run [^)]*\)\s+SELECT/, null, (of) => this.#redo(of)],
      [/^WITH steps AS \(SELECT \* FROM unnest/, null, (of) => this.#carry(of)],
      [/^WITH orphan AS/, 'orphans', () => this.#endOrphans()],
      [/^SELECT c\.id, c\.parent_run_id/, 'ends', ([runs]) => this.#ends(runs as string[])],
      [/^WITH RECURSIVE chain AS \(SELECT tenant_id/, 'a former run', (of) => this.#former(of)],
      [/^WITH RECURSIVE chain AS \(SELECT id, retry_of FROM/, null, () => []],
      [/^SELECT r\.tenant_id, r\.id/, null, ([, id]) => this.#row(id)],
      [/^SELECT s\.id, s\.status, e\.seq/, null, ([, id]) => this.#steps(id)],
      [/^SELECT seq, step, coalesce/, null, ([, id]) => expansionsOf(this.#database.run(id))],
    ];
  }

  read(text: string, values: Values): Statement {
    const reader = this.#readers.find(([begins]) => begins.test(text));
    if (!reader) throw new Error(`No statement of this world begins so: ${text.slice(0, 120)}`);
    const [, what, execute] = reader;
    return {
      what,
      execute: () => {
        const rows = execute(values);
        return { rows, rowCount: rows.length };
      },
    };
  }

  #pending(): object {
    const { questions, children } = this.#database;
    return {
      questions: [...questions.values()].some(({ state }) => state === 'open'),
      granted: false,
      children: children.some(({ ended }) => !ended),
    };
  }

  #workflow(name: unknown): readonly object[] {
    const { data, digest, module } = this.#registry.workflows.get(String(name)) ?? {};
    return data ? [{ name, version: 1, digest, module, body: data }] : [];
  }

  #known(key: unknown): readonly object[] {
    const run = this.#database.children.find((each) => each.key === key);
    return run ? [{ ...run.row, retry_of: run.retryOf }] : [];
  }

  /** Stores a run that a step starts, unless there is one of its key. */
  #make(values: Values): readonly object[] {
    const [, , workflow, , pins, journal, key] = values;
    if (this.#known(key).length > 0) return [];
    const [priority, actor, , , body, run, step] = values.slice(10);
    const row = {
      ...{ tenant_id: 1, id: this.#newId(), workflow: String(workflow), workflow_version: 1 },
      ...{ pins: parsed(pins), actor: parsed(actor), journal_v: Number(journal), company: null },
      ...{ business_date: String(values[8]), time_zone: String(values[9]), status: 'running' },
      ...{ priority: Number(priority), created_at: new Date(this.#database.now) },
    } as RunRow;
    const told = { workflow, version: 1, journal, priority };
    const parent = { run: String(run), step: Number(step) };
    this.#database.addRun({ row, input: String(body), told, key: String(key), parent });
    return [{}];
  }

  /** Stores a run that retries one that a step has started. */
  #redo(values: Values): readonly object[] {
    const [, of, id, pins, , key, actor, run, step, journal, other] = values;
    const former = this.#database.run(of);
    const row: RunRow = {
      ...former.row,
      ...{ id: this.#newId(), pins: parsed(pins), actor: parsed(actor) },
      created_at: new Date(this.#database.now),
    };
    this.#ids.set(id, row.id);
    this.#database.addRun({
      ...{ row, key: String(key), retryOf: former.id },
      input: other === null ? (former.entries[0]?.body ?? '{}') : String(other),
      told: { ...former.entries[0]?.data, journal, retryOf: former.id },
      parent: { run: String(run), step: Number(step) },
    });
    return [{ stored: 1, sealed: false }];
  }

  #carry([, from, to, seqs, steps, old, kept, at, depth]: Values): readonly object[] {
    const [lists, seqsOf] = [[steps, at, depth] as number[][], seqs as number[]];
    const taken: Takeover = {
      isWhole: false,
      steps: new Map(
        (old as number[]).map((step, index) => [step, (kept as number[])[index] ?? -1]),
      ),
      entries: seqsOf.map((seq, index) => {
        const [step = -1, place = 0, deep = 0] = lists.map((list) => list[index] as number);
        return { seq, step, at: place, depth: deep };
      }),
    };
    carry(this.#database, { from: String(from), to: this.#ids.get(to) as string, taken });
    return [{ lost: 0, is_sealed: false, places: null }];
  }

  #newId(): string {
    this.#children += 1;
    return `01990000-0000-7000-8000-${String(this.#children).padStart(9, '0')}c00`;
  }

  /** Asks the runs to end that nobody waits for. */
  #endOrphans(): readonly object[] {
    for (const child of this.#database.children) {
      const { entries, ended, id: runId } = child;
      if (ended || !isOrphan(this.#database, child)) continue;
      if (entries.some(({ kind }) => kind === 'run.cancelling')) continue;
      const asked = { kind: 'cancel', reason: 'asked' } as const;
      this.#database.post({ runId, asked, dedupe: 'cancel  false' });
    }
    return [];
  }

  #ends(runs: readonly string[]): readonly object[] {
    const ended = this.#database.children.filter(
      (run) => run.ended && runs.includes(run.parent.run),
    );
    return ended.map((run) => {
      const last = run.entries.findLast(({ kind }) => kind === 'run.ended');
      return {
        ...{ id: run.id, parent_run_id: run.parent.run, parent_step: run.parent.step },
        ...{ status: run.status, output: last?.body ?? null, trust: last?.data.trust ?? null },
        ...{ cost_micro_usd: costOf(run), code: null, ms: 0 },
      };
    });
  }

  /** What a step has started in the run that is retried, or in one before. */
  #former([runId, node, itemKey]: Values): readonly object[] {
    for (let id = runId as string | null; id !== null; id = this.#database.run(id).retryOf) {
      const run = this.#database.run(id);
      const step = [...run.steps.values()].find(
        (each) => each.node === node && each.item_key === itemKey,
      );
      const child = this.#database.children.find(
        ({ parent }) => parent.run === id && parent.step === step?.id,
      );
      if (child) return [child.row];
    }
    return [];
  }

  #row(id: unknown): readonly object[] {
    const run = this.#database.run(id);
    const { row, status, parent, entries } = run;
    const others = [...this.#database.runs.values()];
    const retry = others.find(({ retryOf }) => retryOf === id);
    const open = others.find((each) => !each.ended && each.parent?.run === id);
    return [
      {
        ...{ ...row, status: status as RunStatus, parent_run_id: parent?.run ?? null },
        ...{ retried_by: retry?.id ?? null, retry_ended: retry?.ended ?? null },
        ...{ open_child: open?.id ?? null, undone: false },
        journal: Number(entries[0]?.data.journal ?? 1),
      },
    ];
  }

  #steps(id: unknown): readonly object[] {
    return [...formerSteps(this.#database, this.#database.run(id)).values()];
  }
}

/** Whether nobody waits for a run any more that a step has started. */
export function isOrphan(database: SimDatabase, { parent }: Child): boolean {
  const { ended, steps } = database.run(parent.run);
  return ended || (steps.get(parent.step)?.ended_at ?? null) !== null;
}

/** What the calls of a run have cost, those of runs that it has started among them. */
export function costOf({ steps }: Pick<StoredRun, 'steps'>): number {
  return [...steps.values()].reduce((sum, step) => sum + step.cost_micro_usd, 0);
}

function parsed(json: unknown): never {
  return JSON.parse(String(json)) as never;
}
