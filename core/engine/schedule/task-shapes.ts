import type { Join } from '../../sdk/node.ts';
import type { Run } from '../run/run.ts';
import type { ForecastTask } from './expected-work.ts';

/** Who a task is, and what it needs. */
type Place = Pick<ForecastTask, 'id' | 'needs'>;

/** A task of a run that is still to come and takes nothing, for others to be made of. */
export function emptyTask({ facts }: Run, { id, needs }: Place): ForecastTask {
  return {
    id,
    needs,
    run: facts.id,
    service: facts.attended ? 'interactive' : 'batch',
    state: 'pending',
    readyAt: null,
    module: '',
    model: null,
    erp: false,
    priority: 1,
    turns: [],
    ownMs: 0,
  };
}

/** A gate, or the beginning or end of a foreach: it takes neither time nor a slot. */
export function pointTask(run: Run, place: Place, join: Join = 'all_done'): ForecastTask {
  return { ...emptyTask(run, place), join, isPoint: true };
}

/** A step of an item: its task, if it is not left out, and the steps of the item that it needs. */
export interface ItemTask {
  readonly id: string;
  readonly deps: readonly number[];
  readonly make: (place: Place) => readonly ForecastTask[];
}

/** A foreach with all of its items. */
export interface ForeachTasks {
  readonly id: string;
  readonly needs: readonly string[];
  readonly join: Join | undefined;
  readonly concurrency: number;
  readonly items: readonly (readonly ItemTask[])[];
}

/** A foreach begins and ends in a point; an item that its concurrency keeps back waits for the one so many places before it. */
export function foreachTasks(run: Run, foreach: ForeachTasks): readonly ForecastTask[] {
  const { id, needs, join, concurrency, items } = foreach;
  const begin = `${id} begins`;
  const idsOf = (item: readonly ItemTask[]): string[] => item.map((step) => step.id);
  const tasks = items.flatMap((item, index) => {
    const before = items[index - concurrency];
    const opened = before ? idsOf(before) : [begin];
    return item.flatMap((step) => {
      const own = step.deps.map((dep) => (item[dep] as ItemTask).id);
      return step.make({ id: step.id, needs: own.length > 0 ? own : opened });
    });
  });
  return [
    pointTask(run, { id: begin, needs }, join),
    ...tasks,
    pointTask(run, { id, needs: [begin, ...items.flatMap(idsOf)] }),
  ];
}
