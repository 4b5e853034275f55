import assert from 'node:assert/strict';
import type { LoopParts } from '../../../core/engine/loop/loop-parts.ts';
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

/** Lives a run whose second step asks something outside; returns what was durable when it did. */
async function askedAt(node: object): Promise<readonly string[]> {
  const seen: (readonly string[])[] = [];
  const stage = new Stage({
    nodes: [task('work', { agent: 'm0.work' }), node as Node],
    modules: ['m0'],
    limits: { running: 4, perRun: 4, perModule: 4 },
    modelLimit: {},
    scriptOf: () => ({ turns: [{ ms: 10, thenMs: 0, tokens: 10 }], bytes: 10 }),
    outsideOf: (durable) => {
      const ask = async () => {
        seen.push(durable());
        return { id: 'q', state: 'granted', leftMs: 1_000, decided: yes };
      };
      const begin = async () => {
        seen.push(durable());
        throw new Error('It is not there.');
      };
      return { approvals: { ask }, children: { begin } } as unknown as Outside;
    },
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
});
