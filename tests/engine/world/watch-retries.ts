import type { CompiledNode, Graph } from '../../../core/engine/graph/compiled.ts';
import { pathOf } from '../../../core/engine/run/step.ts';
import type { Job } from '../../../core/ports/dispatcher.ts';
import type { StepLine, StoredRun } from './database.ts';
import type { Accuse, Seen } from './seen.ts';
import type { Retried } from './stored-runs.ts';

/** What a step has come to. */
interface End {
  readonly status: string;
  readonly output: string | null;
}

/** I18: what a retry has taken over stays as it was, and nothing is taken over that was not done. */
export class Retries {
  readonly #world: Seen;
  readonly #accuse: Accuse;
  /** By retry and path: how what it has taken over ended before. */
  readonly #kept = new Map<string, ReadonlyMap<string, End>>();

  constructor(world: Seen, accuse: Accuse) {
    this.#world = world;
    this.#accuse = accuse;
  }

  retried({ former, row, taken }: Retried): void {
    const stored = this.#world.database.run(former.id);
    const ended = [...stored.steps.values()];
    const kept = ended.filter(({ id }) => taken.steps.has(id));
    const paths = new Map(kept.map((step) => [pathOfLine(step), endOf(stored, step)]));
    this.#kept.set(row.id, paths);
    const undone = ended.filter(({ status }) => status === 'failed' || status === 'cancelled');
    if (taken.isWhole && undone.length > 0)
      this.#accuse(
        'I18',
        `${undone.length} steps of ${former.id} are left, and nothing is retried`,
      );
    for (const step of kept)
      if (undone.includes(step))
        this.#accuse('I18', `${pathOfLine(step)} is kept, and '${step.status}'`);
    if (taken.isWhole) return;
    const { children } = this.#world.database;
    const partial = children.filter(
      ({ parent, status }) => parent.run === former.id && status === 'partial',
    );
    // A run that has come to a good end in parts is gone on with.
    const isPartial = ({ id }: StepLine) => partial.some(({ parent }) => parent.step === id);
    const rows = ended.map((row) => (isPartial(row) ? { ...row, status: 'failed' as const } : row));
    for (const path of surelyDone(this.#world.graphOf(former.id), rows))
      if (!paths.has(path)) this.#accuse('I18', `${path} is done, and is done again`);
  }

  launched({ runId, stepPath }: Job): void {
    if (this.#kept.get(runId)?.has(stepPath))
      this.#accuse('I18', `${stepPath} of ${runId} was done before, and starts`);
  }

  /** A step has started a run. */
  started(runId: string, path: string): void {
    if (this.#kept.get(runId)?.has(path))
      this.#accuse('I18', `${path} of ${runId} was done before, and starts a run`);
  }

  look(): void {
    for (const [what, times] of this.#world.outside.deeds)
      if (times > 1) this.#accuse('I18', `${what} happened ${times} times over its retries`);
  }

  atTheEnd(): void {
    for (const [id, paths] of this.#kept) {
      const stored = this.#world.database.runs.get(id);
      const rows = new Map(
        [...(stored?.steps.values() ?? [])].map((row) => [pathOfLine(row), row]),
      );
      for (const [path, { status, output }] of stored ? paths : []) {
        const row = rows.get(path);
        const now = stored && row ? endOf(stored, row) : null;
        if (now?.status !== status || now.output !== output)
          this.#accuse(
            'I18',
            `${path} of ${id} was ${status} ${output}, and is ${now?.status} ${now?.output}`,
          );
        if (row && (row.attempt > 0 || row.cost_micro_usd > 0))
          this.#accuse('I18', `${path} of ${id} was done before, and has an attempt or a cost`);
      }
    }
  }
}

/** The rule of what stays done, written down a second time, where nobody can doubt it: it and all before it have succeeded. */
function surelyDone({ nodes }: Graph, rows: readonly StepLine[]): readonly string[] {
  const byPath = new Map(rows.map((row) => [pathOfLine(row), row]));
  const hasSucceeded = (path: string): boolean => byPath.get(path)?.status === 'succeeded';
  const itemsOf = (node: CompiledNode): readonly StepLine[] =>
    rows.filter((row) => row.item_key !== '' && row.node.split('/', 1)[0] === node.id);
  const isReached = (node: CompiledNode): boolean =>
    node.deps.every((dep) => isDone(nodes[dep] as CompiledNode));
  const isDone = (node: CompiledNode): boolean =>
    hasSucceeded(node.id) &&
    isReached(node) &&
    itemsOf(node).every((row) => hasSucceeded(pathOfLine(row)));
  return nodes.flatMap((node) => {
    if (node.kind !== 'foreach') return isDone(node) ? [node.id] : [];
    if (!isReached(node)) return [];
    const { body } = node;
    const pathAt = (at: number, key: string): string =>
      `${body.length === 1 ? node.id : `${node.id}/${body[at]?.id}`}[${key}]`;
    const isDoneFor = (at: number, key: string): boolean =>
      hasSucceeded(pathAt(at, key)) && (body[at]?.deps ?? []).every((dep) => isDoneFor(dep, key));
    const keys = [...new Set(itemsOf(node).map((row) => row.item_key))];
    return keys.flatMap((key) =>
      body.flatMap((_, at) => (isDoneFor(at, key) ? [pathAt(at, key)] : [])),
    );
  });
}

function pathOfLine({ node, item_key: itemKey }: StepLine): string {
  return pathOf({ node, itemKey });
}

function endOf({ entries }: StoredRun, { id, status, output_seq: seq }: StepLine): End {
  const output = seq === null ? null : (entries.find((entry) => entry.seq === seq)?.body ?? null);
  // What its place in the graph decides has no entry of its own.
  const isTold = entries.some(({ step, kind }) => step === id && kind === `step.${status}`);
  return { status, output: isTold ? output : null };
}
