import assert from 'node:assert/strict';
import type { LoopParts } from '../../../core/engine/loop/loop-parts.ts';
import { translateDbError } from '../../../core/ports/db/db-error.ts';
import type { Node } from '../../../core/sdk/node.ts';
import { task } from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';
import { Stage } from '../explain/stage.ts';

type Outside = NonNullable<LoopParts['outside']>;

const base = { after: ['work'], join: 'all_succeeded', when: null, critical: true } as const;
const question = { title: 'Shall it be?', show: {}, by: ['anna'], required: 1 };
const approval = { ...base, ...question, kind: 'approval', id: 'asks', expires: 'PT1H' };
const child = { ...base, kind: 'workflow', id: 'starts', workflow: 'other', input: {} };
const yes = { state: 'granted', by: ['anna'], note: null } as const;
const granted = { id: 'q', state: 'granted', leftMs: 1_000, decided: yes } as const;

/** A run whose second step asks something outside. */
function stageOf(node: object, outsideOf: (durable: () => readonly string[]) => Outside): Stage {
  return new Stage({
    nodes: [task('work', { agent: 'm0.work' }), node as Node],
    modules: ['m0'],
    limits: { running: 4, perRun: 4, perModule: 4 },
    modelLimit: {},
    scriptOf: () => ({ turns: [{ ms: 10, thenMs: 0, tokens: 10 }], bytes: 10 }),
    outsideOf,
  });
}

/** Lives such a run; returns what was durable when its step asked. */
async function askedAt(node: object): Promise<readonly string[]> {
  const seen: (readonly string[])[] = [];
  const stage = stageOf(node, (durable) => {
    const ask = async () => {
      seen.push(durable());
      return granted;
    };
    const begin = async () => {
      seen.push(durable());
      throw new Error('It is not there.');
    };
    return { approvals: { ask }, children: { begin } } as unknown as Outside;
  });
  await stage.play(1_000, async () => {});
  return seen[0] ?? assert.fail('nothing was asked');
}

describe('what a step asks outside of its run', () => {
  it('rests on what is durable: people decide about what a new owner would have, too', async () => {
    verifies('R8.crash');
    assert.ok((await askedAt(approval)).includes('step.succeeded'));
  });

  it('and so does the input of a run that it starts', async () => {
    assert.ok((await askedAt(child)).includes('step.succeeded'));
  });

  it('is asked again when two transactions collided over it, and not without end', async () => {
    for (const [collisions, status] of [
      [3, 'succeeded'],
      [1_000, 'failed'],
    ] as const) {
      let asked = 0;
      const stage = stageOf(approval, () => {
        const ask = async () => {
          asked += 1;
          if (asked > collisions) return granted;
          throw translateDbError(Object.assign(new Error('deadlock'), { code: '40P01' }));
        };
        return { approvals: { ask } } as unknown as Outside;
      });
      await stage.play(1_000, async () => {});

      assert.equal(stage.subject.status, status);
      assert.equal(asked, Math.min(collisions + 1, 25));
    }
  });
});
