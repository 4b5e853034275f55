import assert from 'node:assert/strict';
import type { Entry } from '../../../core/service/console/api/shapes.ts';
import { StepStore } from '../../../core/service/console/pages/step-store.ts';
import { eventually } from '../../support/eventually.ts';

/** Something has happened to a step. */
function entryOf(step: number): Entry {
  return { seq: step, step, kind: 'step.succeeded', at: '2026-06-30T06:00:00.000Z', data: {} };
}

describe('the steps that the console shows of a run', () => {
  it('are read again where that failed, with what comes next', async () => {
    let isThere = true;
    const asked: string[] = [];
    const source = {
      async get<T>(path: string): Promise<T> {
        asked.push(path);
        if (!isThere) throw new Error('It is away.');
        return { items: [], next: path.includes('cursor') ? null : '999' } as T;
      },
    };
    const store = new StepStore(source, 'r');
    const leave = store.watch(() => {});
    await eventually(() => asked.length >= 2);

    isThere = false;
    store.heed([entryOf(7)]);
    await eventually(() => store.view().problem !== null);
    isThere = true;
    asked.length = 0;
    store.heed([entryOf(1_007)]);
    await eventually(() => asked.length >= 2);
    leave();

    assert.deepEqual(asked, [
      'v1/runs/r/steps?limit=1000',
      'v1/runs/r/steps?limit=1000&cursor=999',
    ]);
    assert.equal(store.view().problem, null);
  });
});
