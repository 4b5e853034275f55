import type { PlannedBatches } from '../batches/planned.ts';
import { type CompiledForeach, type CompiledTask, isAgentPlace } from '../graph/compiled.ts';
import { usesErp } from '../loop/attempts.ts';
import type { Run } from '../run/run.ts';
import { pathOf, type Step } from '../run/step.ts';
import type { ExpectedTurn, ForecastTask } from '../schedule/expected-work.ts';
import { emptyTask, foreachTasks, type ItemTask, pointTask } from '../schedule/task-shapes.ts';
import type { PlannedCall, Visit } from './visit.ts';

/** What a planned step takes. */
export interface PlannedWork {
  readonly visit: Visit;
  readonly calls: readonly PlannedCall[];
  /** The first of them that go by batches. @default none */
  readonly batches?: PlannedBatches;
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
    const { id, deps, join, kind } = node;
    const step = run.steps[index] as Step;
    const needs = deps.map((dep) => (nodes[dep] as (typeof nodes)[number]).id);
    if (step.status === 'skipped') return [];
    if (kind !== 'foreach') return stepTask(parts, step, { id, needs });
    const { concurrency } = node as CompiledForeach;
    const items = itemsOf(parts, step);
    return foreachTasks(run, { id, needs, join, concurrency, items });
  });
}

function itemsOf(parts: TaskParts, container: Step): readonly (readonly ItemTask[])[] {
  const own = parts.run.steps.filter(({ item }) => item?.container.step === container);
  const items = [...Map.groupBy(own, ({ itemKey }) => itemKey).values()];
  return items.map((steps) =>
    steps.map((step) => ({
      id: pathOf(step),
      deps: (step.place as CompiledTask).deps,
      make: (place) => stepTask(parts, step, place),
    })),
  );
}

/** Nobody is asked in a plan, and waits take their time. */
function stepTask(
  parts: TaskParts,
  step: Step,
  place: Pick<ForecastTask, 'id' | 'needs'>,
): readonly ForecastTask[] {
  const node = step.place;
  if (step.status === 'skipped') return [];
  if (isAgentPlace(node)) return taskOf(parts, step, place);
  const point = pointTask(parts.run, place, node.join);
  const isPause = node.kind === 'wait' && node.for.kind === 'duration';
  return [isPause ? { ...point, pointMs: node.for.ms } : point];
}

function taskOf(
  { run, work, modelOf, speed }: TaskParts,
  step: Step,
  place: Pick<ForecastTask, 'id' | 'needs'>,
): readonly ForecastTask[] {
  const planned = work.get(step);
  if (!planned) return [];
  const { visit, calls, batches } = planned;
  const { join, priority } = step.place as CompiledTask;
  // While its calls are in batches a step holds nothing.
  const out = batches && { id: `${place.id} in batches`, needs: place.needs };
  return [
    ...(out ? [{ ...pointTask(run, out, join ?? 'all_succeeded'), pointMs: batches.waitMs }] : []),
    {
      ...emptyTask(run, out ? { id: place.id, needs: [out.id] } : place),
      module: visit.registered.module,
      model: modelOf(visit),
      erp: usesErp(visit.registered),
      priority,
      ...(join && !out && { join }),
      turns: calls.slice(batches?.calls ?? 0).map((call) => turnOf(call, speed)),
      ownMs: playbookMs,
    },
  ];
}

function turnOf({ ms, bound, usage }: PlannedCall, speed: number): ExpectedTurn {
  return {
    ms: ms / speed,
    bound: { input: bound.inputTokens, output: bound.outputTokens },
    use: { input: usage.input, output: usage.output },
  };
}
