import assert from 'node:assert/strict';
import { Findings } from '../../worker/thread/finding.ts';
import { verifies } from '../support/verifies.ts';
import { aLooker, looking, StagedStep } from './rehearse.ts';

describe('what an attempt finds', () => {
  it('counts with what an earlier one of its step has found, and told its model of', () => {
    verifies('R8.isolation');
    const { scope } = new StagedStep(aLooker(looking().look, null)).context;
    const wet = { kind: 'crate.wet', severity: 'low', records: [] } as const;
    const found = new Findings();
    found.recall([{ ...wet, summary: 'x'.repeat(1_500_000) }]);

    const add = () => found.add(scope, { ...wet, summary: 'y'.repeat(600_000) });

    assert.throws(add, { code: 'OUTPUT_INVALID', message: /findings of more than 2000000 bytes/ });
  });
});
