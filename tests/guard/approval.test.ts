import assert from 'node:assert/strict';
import { definePolicy } from 'tutti';
import { changeOf } from '../../core/guard/intent.ts';
import { invoke } from '../../core/guard/invoke.ts';
import type { EffectApproval } from '../../core/ports/dispatcher.ts';
import { verifies } from '../support/verifies.ts';
import { aConnector, aScope, hold, Record } from './lab.ts';

const policies = [definePolicy({ name: 'asked', grants: [{ autonomy: 'approve' }] })];
const args = { crate: 'c0', reason: 'late' };
const open: EffectApproval = {
  ...{ id: 'a1', state: 'open', isEnough: false },
  expiresAt: '2026-07-07T00:00:00.000Z',
};
const granted: EffectApproval = { ...open, state: 'granted', isEnough: true };

describe('a call that people must agree to', () => {
  /** One look at it by a step that waits; `approval`: what has become of the question. */
  async function call(record: Record, approval: EffectApproval | null) {
    const { scope } = aScope([hold], { record, connector });
    for (const effect of record.effects.values()) if (approval) effect.approval = approval;
    return await invoke(hold, args, { ...scope, policies, attended: true });
  }
  let connector: ReturnType<typeof aConnector>;
  beforeEach(() => {
    connector = aConnector();
  });
  const states = ({ effects }: Record) => [...effects.values()].map(({ state }) => state);

  it('ends the attempt until they have, with nothing done', async () => {
    verifies('R12.approvals');
    const record = new Record();
    await assert.rejects(call(record, null), { code: 'APPROVAL_PENDING' });
    await assert.rejects(call(record, open), {
      code: 'APPROVAL_PENDING',
      details: {
        key: [...record.effects.keys()][0],
        tool: hold.name,
        approval: 'a1',
        expiresAt: open.expiresAt,
      },
    });
    assert.deepEqual(states(record), ['proposed']);
  });

  it('happens once they have, and uses their yes up', async () => {
    const record = new Record();
    await assert.rejects(call(record, null), { code: 'APPROVAL_PENDING' });

    const outcome = await call(record, granted);

    assert.ok(outcome.kind === 'effected' && outcome.value.kind === 'applied');
    const [effect] = record.effects.values();
    assert.deepEqual([effect?.state, effect?.approval?.state], ['applied', 'consumed']);
  });

  for (const state of ['refused', 'expired'] as const)
    it(`is refused when the question is ${state}`, async () => {
      const record = new Record();
      await assert.rejects(call(record, null), { code: 'APPROVAL_PENDING' });

      const outcome = await call(record, { ...open, state });

      assert.ok(outcome.kind === 'effected' && outcome.value.kind === 'refused');
      assert.equal(outcome.value.rule, `approval.${state}`);
      assert.deepEqual(states(record), ['proposed']);
    });

  it('goes on waiting where a yes is not enough', async () => {
    const record = new Record();
    await assert.rejects(call(record, null), { code: 'APPROVAL_PENDING' });
    const asked = call(record, { ...granted, isEnough: false });
    await assert.rejects(asked, { code: 'APPROVAL_PENDING' });
    assert.deepEqual(states(record), ['proposed']);
  });

  it('is refused to a run that carries out another tool', async () => {
    const { scope } = aScope([hold], { connector });
    const { agent, agentName, module } = scope;
    const digests = { contract: '', argsSha256: '', binds: null };
    const applies = { key: 'ab', approval: 'a1', tool: 'lab.crate.ship', ...digests };
    const outcome = await invoke(hold, args, {
      ...scope,
      policies,
      applies: { ...applies, agent, agentName, module },
    });

    assert.ok(outcome.kind === 'effected' && outcome.value.kind === 'refused');
    assert.equal(outcome.value.rule, 'approval.tool');
  });
});

describe('what was granted', () => {
  const asked = { argsSha256: '01', contract: '02', binds: { version: '1', total: '5.00' } };

  it('is still the same when nothing but the version of the record has moved', () => {
    assert.equal(changeOf(asked, { ...asked, binds: { version: '2', total: '5.00' } }), null);
  });

  for (const [name, now] of [
    ['args', { ...asked, argsSha256: '09' }],
    ['contract', { ...asked, contract: '09' }],
    ['binds', { ...asked, binds: { version: '1', total: '5.01' } }],
    ['binds', { ...asked, binds: null }],
    ['binds', { ...asked, binds: { version: '1' } }],
  ] as const)
    it(`has changed with ${name}: ${JSON.stringify(now)}`, () => {
      assert.equal(changeOf(asked, now), name);
    });
});
