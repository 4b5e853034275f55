import assert from 'node:assert/strict';
import { type Capability, defineAgent, defineModule, z } from '../../../core/index.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
import { verifies } from '../../support/verifies.ts';

const review: Capability = { name: 'code_review', inputTypes: ['source_code'], outputTypes: [] };

function load(capabilities: readonly Capability[]) {
  const agent = defineAgent({
    ...{ name: 'keeper', purpose: 'Keeps.', instructions: 'Keep.' },
    ...{ input: z.object({}), output: z.object({}), tools: {}, capabilities },
  });
  const module = defineModule({ name: 'lab', version: '1.0.0', agents: [agent] });
  return loadRegistry({ modules: [module] }, []).agents.get('lab.keeper')?.agent.capabilities;
}

describe('the capabilities of an agent', () => {
  it('are names with the types that it takes and delivers', () => {
    verifies('R2.discovery');
    assert.deepEqual(load([review]), [review]);
    assert.deepEqual(load([]), []);
  });

  it('are refused when a name is written otherwise, stands twice or lacks its types', () => {
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [
        { ...review, name: 'Code Review' },
        /agents\/keeper\.ts.*capabilities\.0\.name.*lower snake case/,
      ],
      [{ ...review, inputTypes: ['Source'] }, /capabilities\.0\.inputTypes\.0/],
      [{ name: 'code_review' }, /capabilities\.0\.inputTypes/],
      [{ ...review, level: 9 }, /capabilities\.0/],
    ];
    for (const [capability, message] of wrong)
      assert.throws(() => load([capability as Capability]), { code: 'MODULE_INVALID', message });
    assert.throws(() => load([review, review]), { message: /capabilities.*twice/ });
  });
});
