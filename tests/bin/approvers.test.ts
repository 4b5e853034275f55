import assert from 'node:assert/strict';
import { defineModule, definePolicy, type Tier } from 'tutti';
import { lackOfApprovers } from '../../bin/approvers.ts';
import shipped from '../../tutti.config.ts';
import { verifies } from '../support/verifies.ts';

const roles = { approver: ['anna'], controller: ['anna', 'Ben', 'cli:ben'], cfo: ['cara'] };

function lacking(tier: Partial<Tier>, held: Readonly<Record<string, readonly string[]>> = roles) {
  const tiers = [{ name: 'large', by: ['controller'], ...tier }];
  const policies = [definePolicy({ name: 'p', grants: [], tiers })];
  const modules = [defineModule({ name: 'lab', version: '1.0.0', policies })];
  return lackOfApprovers({ modules, roles: held });
}

describe('the people who may agree', () => {
  it('are enough for every tier of the shipped configuration', () => {
    assert.deepEqual(lackOfApprovers(shipped), []);
  });

  it('are each counted once, whatever roles they hold and however they are written', () => {
    verifies('R13.validate');
    assert.deepEqual(lacking({ required: 2 }), []);
    assert.deepEqual(lacking({ required: 3 }), [
      "tier 'large' needs 3 people, and controller are 2",
    ]);
    assert.deepEqual(lacking({ required: 3, by: ['controller', 'cfo'] }), []);
    assert.deepEqual(lacking({ required: 3, escalate: { after: 'P1D', to: ['cfo'] } }), []);
    assert.deepEqual(lacking({ required: 3, by: ['controller', 'anna', 'dora'] }), []);
  });

  it('are nobody for what no tier is about, while nobody is an approver', () => {
    const [line, ...rest] = lacking({}, { controller: ['anna'] });

    assert.match(line ?? '', /'approver'/);
    assert.deepEqual(rest, []);
  });
});
