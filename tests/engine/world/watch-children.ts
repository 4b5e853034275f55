import { pathOf } from '../../../core/engine/run/step.ts';
import type { Child, StepLine, StoredRun } from './database.ts';
import type { SimEngine } from './engine.ts';
import type { Accuse, Seen } from './seen.ts';
import { costOf, isOrphan } from './statements.ts';
import type { Given } from './watch-given.ts';
import type { Retries } from './watch-retries.ts';

/** Looks after which nobody has waited for a run, and it has not been told to end. */
const patience = 2;

/** I1, I10 and I13 of runs that steps start: one a step, which ends before it does, or because it has. */
export class Families {
  readonly #world: Seen;
  readonly #accuse: Accuse;
  readonly #given: Pick<Given, 'started'>;
  readonly #retries: Pick<Retries, 'started'>;
  /** By run: the runs that are known, and rows of steps that have ended. */
  readonly #known = new Set<StoredRun | StepLine>();
  /** Runs that nobody waits for: since which look of which engine. */
  readonly #orphans = new Map<Child, { readonly engine: SimEngine; readonly looks: number }>();

  constructor(
    world: Seen,
    accuse: Accuse,
    others: { readonly given: Pick<Given, 'started'>; readonly retries: Pick<Retries, 'started'> },
  ) {
    this.#world = world;
    this.#accuse = accuse;
    this.#given = others.given;
    this.#retries = others.retries;
  }

  look(): void {
    if (!this.#world.setup.children) return;
    const { children } = this.#world.database;
    for (const child of children) {
      if (!this.#known.has(child)) this.#checkStart(child, children);
      this.#known.add(child);
      this.#checkOrphan(child);
    }
    for (const run of this.#world.database.runs.values())
      for (const row of run.steps.values()) {
        if (row.kind !== 'workflow' || row.ended_at === null || this.#known.has(row)) continue;
        this.#known.add(row);
        this.#checkEnd(run, row, children);
      }
  }

  #checkStart(child: Child, all: readonly Child[]): void {
    const { parent, entries } = child;
    const path = this.#pathOf(child);
    const same = all.filter((each) => isOf(each, parent.run, parent.step));
    if (same.length > 1) this.#accuse('I13', `${path} of ${parent.run} has ${same.length} runs`);
    this.#given.started(parent.run, { path, input: JSON.parse(entries[0]?.body ?? 'null') });
    this.#retries.started(parent.run, path);
  }

  /** A step ends after its run, and as that has ended. */
  #checkEnd({ id, entries }: StoredRun, row: StepLine, all: readonly Child[]): void {
    const own = entries.filter(({ step }) => step === row.id);
    if (own.some(({ data }) => data.carried)) return;
    if (row.status !== 'succeeded' && row.status !== 'failed') return;
    const child = all.find((each) => isOf(each, id, row.id));
    const what = `${row.node} of ${id} is ${row.status} ${row.error?.code ?? ''}`;
    if (!child) return this.#accuse('I1', `${what}, and has started no run`);
    const isGood = child.status === 'succeeded' || child.status === 'partial';
    const isSame = isGood ? row.status === 'succeeded' : row.error?.code === 'CHILD_FAILED';
    if (!child.ended || !isSame)
      this.#accuse('I1', `${what}, its run is ${child.status}${child.ended ? '' : ' and goes on'}`);
    const said = (of: StoredRun['entries'], kind: string) =>
      of.findLast((entry) => entry.kind === kind)?.body ?? 'null';
    const [told, brought] = [said(own, 'step.succeeded'), said(child.entries, 'run.ended')];
    if (row.status === 'succeeded' && told !== brought)
      this.#accuse('I19', `${what} and brings ${told}, its run ${brought}`);
    if (child.ended && row.cost_micro_usd !== costOf(child))
      this.#accuse('I4', `${what} and cost ${row.cost_micro_usd}, its run ${costOf(child)}`);
  }

  /** What nobody waits for any more is told to end. */
  #checkOrphan(child: Child): void {
    const { database, engine } = this.#world;
    if (child.ended || !isOrphan(database, child)) return;
    const { looks } = engine;
    const since = this.#orphans.get(child);
    if (since?.engine !== engine) return void this.#orphans.set(child, { engine, looks });
    const isTold =
      child.entries.some(({ kind }) => kind === 'run.cancelling') ||
      [...database.inbox.values()].some(
        ({ runId, asked }) => runId === child.id && asked.kind === 'cancel',
      );
    if (!isTold && looks > since.looks + patience)
      this.#accuse('I10', `nobody waits for ${child.id} any more, and it goes on`);
  }

  #pathOf({ parent }: Child): string {
    const step = this.#world.database.run(parent.run).steps.get(parent.step);
    return step ? pathOf({ node: step.node, itemKey: step.item_key }) : `step ${parent.step}`;
  }
}

function isOf({ parent }: Child, run: string, step: number): boolean {
  return parent.run === run && parent.step === step;
}
