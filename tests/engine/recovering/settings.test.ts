import assert from 'node:assert/strict';
import { defineAgent, defineModule, z } from 'tutti';
import { SettingStore } from '../../../core/engine/recovery/setting-store.ts';
import { Settings } from '../../../core/engine/recovery/settings.ts';
import { loadRegistry, type RegisteredAgent } from '../../../core/sdk/registry.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const declaration = {
  purpose: 'Keeps.',
  instructions: 'Keep.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
};
const own = [{ ways: [{ strategy: 'skip' }] }] as const;
const keeper = defineAgent({ ...declaration, name: 'keeper', recovery: own });
const plain = defineAgent({ ...declaration, name: 'plain', limits: { attempts: 5 } });
const registry = loadRegistry(
  { modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [keeper, plain] })] },
  [],
);
const actor = { kind: 'person', id: 'anna' } as const;
const name = 'recovery:lab.keeper';
const set = [{ on: ['TOOL_ERROR'], ways: [{ strategy: 'reassign', to: 'lab.plain' }] }];

describe('settings', () => {
  let fresh: FreshDatabase;
  let store: SettingStore;
  let live: Settings;

  before(async () => {
    fresh = await freshDatabase();
    const parts = { registry, config: { breaker: { failures: 7 } } };
    store = new SettingStore(fresh.database, parts);
    live = new Settings(fresh.database, parts);
  });
  after(function () {
    return fresh.drop(this);
  });

  const rulesOf = (tenantId: number, agent: string) =>
    live.rulesOf(tenantId, registry.agents.get(agent) as RegisteredAgent);

  it('show what is in force and who says so', async () => {
    const views = await store.list(1);

    assert.deepEqual(
      views.map((view) => [view.name, view.source, view.value]),
      [
        ['breaker', 'configuration', { failures: 7, probeMs: 60_000, successes: 3 }],
        [name, 'agent', own],
        [
          'recovery:lab.plain',
          'default',
          [{ ways: [{ strategy: 'retry', retry: { attempts: 5 } }] }],
        ],
        ['budget:tenant', 'default', 50_000_000],
        ['budget:module:lab', 'default', null],
        ['autonomy', 'default', []],
        ['shadow', 'default', []],
        ['access', 'default', []],
      ],
    );
  });

  it('replace the rules of one tenant while an engine runs, and give them back', async () => {
    verifies('R8.strategy-change');
    await live.refresh();
    assert.equal(rulesOf(1, 'lab.keeper'), own);

    const view = await store.put(1, name, { value: set, actor });
    assert.deepEqual([view.source, view.value, view.actor], ['setting', set, actor]);
    assert.equal(rulesOf(1, 'lab.keeper'), own);
    await live.refresh();
    assert.deepEqual(rulesOf(1, 'lab.keeper'), set);
    assert.equal(rulesOf(2, 'lab.keeper'), own);
    assert.deepEqual(rulesOf(1, 'lab.plain'), []);

    await store.put(1, name, { value: [], actor });
    await live.refresh();
    assert.deepEqual(rulesOf(1, 'lab.keeper'), []);
    assert.equal((await store.reset(1, name, actor)).source, 'agent');
    await live.refresh();
    assert.equal(rulesOf(1, 'lab.keeper'), own);
  });

  it('of breakers hold for the whole installation, member by member', async () => {
    await store.put(2, 'breaker', { value: { probeMs: 5_000 }, actor });
    await live.refresh();

    assert.deepEqual(live.breaker, { failures: 7, probeMs: 5_000 });
    const { value, scope } = await store.get(1, 'breaker');
    assert.deepEqual(
      [value, scope],
      [{ failures: 7, probeMs: 5_000, successes: 3 }, 'installation'],
    );
    await store.reset(1, 'breaker', actor);
    await live.refresh();
    assert.deepEqual(live.breaker, { failures: 7 });
  });

  it('refuse what they do not know and values that are wrong, with what is wrong', async () => {
    verifies('R13.validate');
    const wrong: readonly (readonly [string, unknown, RegExp])[] = [
      [name, [{ on: ['TOOL_EROR'], ways: [] }], /0\.on\.0: 'TOOL_EROR' is neither/],
      [name, null, /'recovery:lab\.keeper', its value: /],
      [name, [{ ways: [{ strategy: 'reassign', to: 'lab.gone' }] }], /'lab\.gone' is no agent/],
      ['breaker', { failures: -1 }, /'breaker', failures: /],
      ['breaker', { tries: 1 }, /tries/],
    ];
    for (const [setting, value, message] of wrong)
      await assert.rejects(store.put(1, setting, { value, actor }), {
        code: 'INPUT_INVALID',
        message,
      });
    for (const unknown of ['recovery:lab.gone', 'breakers', '', 'constructor'])
      await assert.rejects(store.get(1, unknown), { code: 'SETTING_UNKNOWN' });
  });

  it('that no longer fit the modules count as not set, and say so', async () => {
    await store.put(3, name, { value: set, actor });
    const alone = loadRegistry(
      { modules: [defineModule({ name: 'lab', version: '1.0.0', agents: [keeper] })] },
      [],
    );
    const parts = { registry: alone, config: {} };
    const later = new Settings(fresh.database, parts);
    await later.refresh();
    const view = await new SettingStore(fresh.database, parts).get(3, name);

    assert.equal(later.rulesOf(3, alone.agents.get('lab.keeper') as RegisteredAgent), own);
    assert.deepEqual([view.source, view.value], ['agent', own]);
    assert.match(view.fault ?? '', /^0\.ways\.0\.to: 'lab\.plain' is no agent/);
  });

  it('are read again only when one has changed', async () => {
    await live.refresh();
    const before = rulesOf(3, 'lab.keeper');
    await live.refresh();
    assert.equal(rulesOf(3, 'lab.keeper'), before);
    await store.put(3, name, { value: set, actor });
    await live.refresh();

    assert.notEqual(rulesOf(3, 'lab.keeper'), before);
    assert.deepEqual(rulesOf(3, 'lab.keeper'), before);
  });
});
