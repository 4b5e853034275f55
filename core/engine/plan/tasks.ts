import type { CompiledForeach, CompiledNode, CompiledTask } from '../graph/compiled.ts';
import { usesErp } from '../run/attempts.ts';
import type { Run } from '../run/run.ts';
import { pathOf, type Step } from '../run/step.ts';
import type { ExpectedTurn, ForecastTask } from '../schedule/expected-work.ts';
import type { PlannedCall, Visit } from './visit.ts';

/** A turn of a plan, with the size of its request: what gates are asked with. */
export interface PlannedTurn extends ExpectedTurn {
  readonly bytes: number;
}

/** What a planned step takes. */
export interface PlannedWork {
  readonly visit: Visit;
  readonly calls: readonly PlannedCall[];
}

/** What the tasks of a forecast are made of. */
export interface TaskParts {
  readonly run: Run;
  readonly work: ReadonlyMap<Step, PlannedWork>;
  /** Name of the model that an agent's calls stand in line for. */
  readonly modelOf: (visit: Visit) => string;
  /** How many times as fast as a model's the calls are. */
  readonly speed: number;
}

/** Without a model a playbook is a moment's work. */
const playbookMs = 100;

/** A run that was walked, as the forecast takes it: all that ran is to come, what was skipped is left out. */
export function tasksOf(parts: TaskParts): readonly ForecastTask[] {
  const { run } = parts;
  const { nodes } = run.graph;
  return nodes.flatMap((node, index) => {
    const step = run.steps[index] as Step;
    const needs = node.deps.map((dep) => nodeOf(nodes, dep).id);
    if (step.status === 'skipped') return [];
    if (node.kind === 'foreach') return foreachTasks({ ...parts, node, step, needs });
    if (node.kind === 'gate') return [point(run, node, { id: node.id, needs })];
    return taskOf(parts, step, { id: node.id, needs });
  });
}

function nodeOf<T>(nodes: readonly T[], index: number): T {
  return nodes[index] as T;
}

interface Opened extends TaskParts {
  readonly node: CompiledForeach;
  readonly step: Step;
  readonly needs: readonly string[];
}

/** A foreach begins and ends in a point; an item that its concurrency keeps back waits for the one so many places before it. */
function foreachTasks({ node, step, needs, ...parts }: Opened): readonly ForecastTask[] {
  const { run } = parts;
  const begin = `${node.id} begins`;
  const items = [...itemsOf(run, step).values()];
  const idsOf = (steps: readonly Step[]): string[] => steps.map(pathOf);
  const tasks = items.flatMap((steps, index) => {
    const before = items[index - node.concurrency];
    const gate = before ? idsOf(before) : [begin];
    return steps.flatMap((each) => {
      const { deps } = each.place as CompiledTask;
      const own = deps.map((dep) => pathOf(nodeOf(steps, dep)));
      return taskOf(parts, each, { id: pathOf(each), needs: own.length > 0 ? own : gate });
    });
  });
  const ends = [begin, ...items.flatMap(idsOf)];
  const join = { ...node, join: 'all_done' as const };
  return [
    point(run, node, { id: begin, needs }),
    ...tasks,
    point(run, join, { id: node.id, needs: ends }),
  ];
}

function itemsOf(run: Run, container: Step): ReadonlyMap<string, readonly Step[]> {
  const own = run.steps.filter(({ item }) => item?.container.step === container);
  return Map.groupBy(own, ({ itemKey }) => itemKey);
}

function taskOf(
  { run, work, modelOf, speed }: TaskParts,
  step: Step,
  at: Pick<ForecastTask, 'id' | 'needs'>,
): readonly ForecastTask[] {
  const planned = work.get(step);
  if (!planned) return [];
  const { visit, calls } = planned;
  const { join, priority } = step.place as CompiledTask;
  return [
    {
      ...common(run, at),
      module: visit.registered.module,
      model: modelOf(visit),
      erp: usesErp(visit.registered),
      priority,
      join,
      turns: calls.map((call) => turnOf(call, speed)),
      ownMs: playbookMs,
    },
  ];
}

function turnOf({ bytes, ms, bound, usage }: PlannedCall, speed: number): PlannedTurn {
  return {
    bytes,
    ms: ms / speed,
    bound: { input: bound.inputTokens, output: bound.outputTokens },
    use: { input: usage.input, output: usage.output },
  };
}

function point(
  run: Run,
  { join }: Pick<CompiledNode, 'join'>,
  at: Pick<ForecastTask, 'id' | 'needs'>,
): ForecastTask {
  const nothing = { module: '', model: null, erp: false, priority: 1, turns: [], ownMs: 0 };
  return { ...common(run, at), ...nothing, join, isPoint: true };
}

function common({ facts }: Run, { id, needs }: Pick<ForecastTask, 'id' | 'needs'>) {
  return {
    id,
    needs,
    run: facts.id,
    service: facts.attended ? ('interactive' as const) : ('batch' as const),
    state: 'pending' as const,
    readyAt: null,
  };
}
