import assert from 'node:assert/strict';
import type pg from 'pg';
import { policiesOf } from '../../bin/parts/policies-of.ts';
import { machineMs } from '../../core/engine/authority/stops.ts';
import { SettingStore } from '../../core/engine/recovery/setting-store.ts';
import { insertRows } from '../../core/ports/erp/embedded/insert.ts';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { handTo, type Office, type Scripted, startOffice } from '../support/scripted-office.ts';
import { verifies } from '../support/verifies.ts';

const actor = { kind: 'person', id: 'tester' } as const;

interface Output {
  readonly said: string;
  readonly heard: readonly string[];
}

interface Child {
  readonly id: string;
  readonly status: string;
  readonly agent: string;
  readonly cost: number;
}

describe('work that agents hand to others', function () {
  this.timeout(180_000);
  let office: Office;
  let tutti: TestEngine;
  let pool: pg.Pool;
  let tenantId: number;
  let settings: SettingStore;

  before(async () => {
    office = await startOffice();
    process.env.TUTTI_TEST_KEY = 'a-key-of-the-tests';
    const config = new URL('../support/fixtures/delegation.config.ts', import.meta.url);
    config.searchParams.set('model', office.server.baseUrl('openai'));
    tutti = await openTestEngine(config, { env: process.env });
    pool = tutti.host.database.pool('tutti_engine', 2);
    tenantId = await tutti.host.store.tenant('office');
    settings = new SettingStore(tutti.host.database, tutti.host);
  });
  after(async function () {
    office.open();
    await tutti.close(this);
    await office.server.close();
  });

  async function query<T extends object>(text: string, ...values: readonly unknown[]) {
    return (await pool.query<T>(text, [...values])).rows;
  }

  async function start(
    agent: string,
    say: string,
    turns: readonly (readonly Scripted[])[] = [],
  ): Promise<string> {
    const input = { say, turns: JSON.stringify(turns) };
    return (await tutti.engine.startRun(requestOf(agent, { tenantId, input }))).id;
  }

  async function run(...asked: Parameters<typeof start>): Promise<{ id: string; out: Output }> {
    const id = await start(...asked);
    assert.equal(await tutti.engine.whenEnded(id), 'succeeded', JSON.stringify(await told(id)));
    return { id, out: (await tutti.history.output(tenantId, id)) as Output };
  }

  const told = (id: string) =>
    query('SELECT node, status, error FROM tutti.step WHERE run_id = $1', id);

  const childrenOf = (id: string): Promise<Child[]> =>
    query<Child>(
      `SELECT c.id, c.status, s.agent, s.cost_micro_usd::int AS cost FROM tutti.run c JOIN tutti.step s ON s.run_id = c.id
       WHERE c.parent_run_id = $1 ORDER BY c.id`,
      id,
    );

  const entriesOf = (id: string, kind: string) =>
    query<{ data: Record<string, unknown> }>(
      'SELECT data FROM tutti.entry WHERE run_id = $1 AND kind = $2 ORDER BY seq',
      id,
      kind,
    );

  const folders = (code: string) =>
    query<{ paid: boolean }>('SELECT paid FROM erp.folder WHERE code = $1', code);

  /** A letter comes in. */
  async function file(code: string, remark: string): Promise<void> {
    const entities = [...tutti.host.registry.entities.values()];
    const rows = new Map([['letter', [{ id: code, code, remark }]]]);
    await tutti.fresh.database.admin((client) => insertRows(client, { tenantId, entities, rows }));
  }

  async function grant(value: unknown): Promise<void> {
    await settings.put(tenantId, 'autonomy', { value, actor });
    await settled();
  }

  /** For a second a thread may go by what it has read. */
  async function settled(): Promise<void> {
    const until = machineMs() + 1_000;
    await eventually(() => machineMs() > until);
  }

  it('is done in a run of its own, whose output answers the call', async () => {
    verifies('R5.tool-delegation');
    const { id, out } = await run('chief', 'over', [[handTo('office.helper', 'one')]]);

    assert.deepEqual(
      out.heard.map((each) => JSON.parse(each)),
      [{ said: 'one', heard: [] }],
    );
    const [child] = await childrenOf(id);
    assert.deepEqual([child?.agent, child?.status], ['office.helper', 'succeeded']);
    const offered = office.server.calls.find(({ instructions }) =>
      instructions.includes('You are chief'),
    );
    const tool = offered?.tools.find(({ name }) => name === 'office-helper');
    assert.equal(tool?.description, 'The helper of the office.');
    const { properties = {} } = (tool?.parameters ?? {}) as { readonly properties?: object };
    assert.deepEqual(Object.keys(properties), ['say', 'turns']);
  });

  it('goes to several at once, after the plain calls of the turn, and the conversation goes on when all have ended', async () => {
    const ring = { name: 'office.bell.ring', args: { bell: 'mixed' } };
    const turn = [handTo('office.helper', 'a'), ring, handTo('archive.keeper', 'b')];
    const { id, out } = await run('chief', 'both', [turn, [handTo('office.helper', 'c')]]);

    const said = out.heard.map((each) => (JSON.parse(each) as Output).said);
    assert.deepEqual(said, ['a', undefined, 'b', 'c']);
    assert.match(out.heard[1] as string, /applied/);
    assert.equal((await folders('mixed')).length, 1);
    assert.deepEqual(
      (await childrenOf(id)).map(({ agent }) => agent),
      ['office.helper', 'archive.keeper', 'office.helper'],
    );
    // Each turn of the chief is asked for once.
    const asked = office.asked.filter((each) => each.startsWith('chief both'));
    assert.deepEqual(asked, ['chief both 0', 'chief both 3', 'chief both 4']);
    const calls = (await entriesOf(id, 'agent.called')).map(({ data }) => data.outcome);
    assert.deepEqual(calls, ['succeeded', 'succeeded', 'succeeded']);
  });

  it('holds nothing of the step that waits for it, which says what it waits for', async () => {
    office.shut();
    const id = await start('chief', 'over', [[handTo('office.helper', 'hold this')]]);
    await eventually(() => office.held === 1);
    const [child] = await childrenOf(id);

    const { steps } = await tutti.engine.explain({ tenantId, runId: id });
    const attempts = await query(
      'SELECT outcome FROM tutti.attempt WHERE run_id = $1 ORDER BY no',
      id,
    );
    const load = tutti.engine.vitals;
    office.open();
    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');

    assert.deepEqual(
      steps.map(({ path, status }) => [path, status]),
      [['work', 'waiting']],
    );
    assert.deepEqual(
      steps[0]?.blockers.map((each) => (each.kind === 'child' ? each.runs : each.kind)),
      [[child?.id]],
    );
    assert.match(steps[0]?.blockers[0]?.text ?? '', new RegExp(child?.id as string));
    assert.deepEqual(attempts, [{ outcome: 'delegated' }]);
    assert.equal(load.running, 1);
  });

  it('counts with its cost on the step and on the run that handed it on', async () => {
    const { id } = await run('chief', 'over', [[handTo('office.helper', 'dear')]]);

    const [child] = await childrenOf(id);
    const own = await query<{ cost: number }>(
      'SELECT sum(cost_micro_usd)::int AS cost FROM tutti.ledger WHERE run_id = $1',
      id,
    );
    const [step] = await query<{ cost: number }>(
      'SELECT cost_micro_usd::int AS cost FROM tutti.step WHERE run_id = $1',
      id,
    );
    assert.ok((child?.cost ?? 0) > 0);
    assert.equal(step?.cost, (own[0]?.cost ?? 0) + (child?.cost ?? 0));
    const [budget] = await query<{ scope: string }>(
      `SELECT count(*)::int AS purses FROM tutti.budget WHERE scope = 'workflow:tutti:delegation'`,
    );
    assert.deepEqual(budget, { purses: 0 });
  });

  it('gets no more than an equal part of what its step has left', async () => {
    const two = [handTo('office.helper', 'x'), handTo('office.helper', 'y')];
    const id = await start('poor', 'over', [two]);
    await tutti.engine.whenEnded(id);

    const rows = await query<{ left: number }>(
      `SELECT (pins->>'leftMicroUsd')::int AS left FROM tutti.run WHERE parent_run_id = $1`,
      id,
    );
    const [first] = await query<{ cost: number }>(
      'SELECT cost_micro_usd::int AS cost FROM tutti.ledger WHERE run_id = $1 ORDER BY seq LIMIT 1',
      id,
    );
    const share = Math.floor((40_000 - (first?.cost ?? 0)) / 2);
    assert.deepEqual(
      rows.map(({ left }) => left),
      [share, share],
    );
  });

  it('that fails is told to the model, and is not its failure', async () => {
    const { id, out } = await run('chief', 'over', [[handTo('office.helper', 'nonsense')]]);

    const [child] = await childrenOf(id);
    assert.equal(child?.status, 'failed');
    assert.deepEqual(out.heard, [
      `'office.helper' has brought nothing: its run ${child?.id} is 'failed' (OUTPUT_INVALID).`,
    ]);
  });

  it('is asked for and answered in the wire format of each provider', async () => {
    const three = handTo('office.third', 'three', [[handTo('office.fourth', 'four')]]);
    const before = office.server.calls.length;
    const { out } = await run('second', 'over', [[three], [handTo('office.third', 'five')]]);

    const heard = out.heard.map((each) => JSON.parse(each) as Output);
    assert.deepEqual(
      heard.map(({ said }) => said),
      ['three', 'five'],
    );
    assert.equal((JSON.parse(heard[0]?.heard[0] as string) as Output).said, 'four');
    const apis = office.server.calls.slice(before).map(({ api }) => api);
    assert.deepEqual([...new Set(apis)].sort(), ['anthropic', 'openai', 'openai-chat']);
  });

  it('writes nothing twice when its conversation, or its run, begins anew and hands it on again', async () => {
    const ring = [[{ name: 'office.bell.ring', args: { bell: 'once' } }]];
    const id = await start('stubborn', 'nonsense', [[handTo('office.helper', 'ring', ring)]]);
    assert.equal(await tutti.engine.whenEnded(id), 'failed');
    const { id: again } = await tutti.engine.retryRun({ tenantId, runId: id, actor });
    assert.equal(await tutti.engine.whenEnded(again), 'failed');

    for (const each of [id, again]) {
      const runs = await childrenOf(each);
      assert.deepEqual(
        runs.map(({ status }) => status),
        ['succeeded', 'succeeded'],
      );
    }
    assert.equal((await folders('once')).length, 1);
  });

  it('is not begun with an input that the agent does not take, too deep, or too often', async () => {
    const wrong = { name: 'office.helper', args: { say: 1 } };
    const deep = handTo('office.second', 'two', [
      [handTo('office.third', 'three', [[handTo('office.fourth', 'four')]])],
    ]);
    const often = ['p', 'q', 'r', 's'].map((say) => handTo('office.helper', say));
    const { id, out } = await run('chief', 'over', [[wrong, deep, ...often]]);

    const [refused, nested, ...rest] = out.heard;
    assert.match(refused as string, /office\.helper.*does not take this.*say/);
    const two = JSON.parse(nested as string) as Output;
    const three = JSON.parse(two.heard[0] as string) as Output;
    assert.match(three.heard[0] as string, /2 times in a row.*delegation\.depth/);
    assert.deepEqual(
      rest.slice(0, 3).map((each) => (JSON.parse(each) as Output).said),
      ['p', 'q', 'r'],
    );
    assert.match(rest[3] as string, /4 times at most.*delegation\.calls/);
    assert.equal((await childrenOf(id)).length, 4);
    const told = (await entriesOf(id, 'agent.called')).map(({ data }) => data.code ?? data.outcome);
    assert.deepEqual(told, [
      ...['TOOL_INPUT_INVALID', 'TOOL_REFUSED'],
      ...['succeeded', 'succeeded', 'succeeded', 'succeeded'],
    ]);
  });

  it('goes to no other module once a policy in force has closed it', async () => {
    verifies('R12.policy');
    const speaker = { tenantId, actor };
    const policies = policiesOf(tutti.host);
    const [declared] = tutti.host.registry.policies.filter(({ name }) => name === 'office');
    const { kind: _, access: __, ...closed } = declared ?? {};
    await policies.draft(speaker, 'office', closed);
    await policies.publish(speaker, 'office');
    await settled();

    const turn = [handTo('archive.keeper', 'a'), handTo('office.helper', 'b')];
    const { id, out } = await run('chief', 'closed', [turn]);

    assert.match(
      out.heard[0] as string,
      /policies in force let you hand nothing to 'archive\.keeper'/,
    );
    assert.equal((JSON.parse(out.heard[1] as string) as Output).said, 'b');
    assert.deepEqual(
      (await childrenOf(id)).map(({ agent }) => agent),
      ['office.helper'],
    );
  });

  it('goes no further than whoever hands it on might: the stricter of both levels counts', async () => {
    const ring = (bell: string) => [{ name: 'office.bell.ring', args: { bell } }];
    await run('chief', 'over', [[handTo('office.helper', 'may', [ring('acted')])]]);
    const { out } = await run('timid', 'over', [
      [handTo('office.helper', 'may not', [ring('proposed')])],
    ]);

    assert.equal((await folders('acted')).length, 1);
    assert.equal((await folders('proposed')).length, 0);
    const { heard } = JSON.parse(out.heard[0] as string) as Output;
    assert.match(heard[0] as string, /proposed/);
  });

  it('is one hand with whoever hands it on, where duties are apart', async () => {
    verifies('R12.duties');
    // Nobody's declaration lets them do both; a grant of run time does.
    await grant([
      { agents: ['office.chief', 'office.payer'], tools: ['office.folder.pay'], autonomy: 'act' },
      { agents: ['office.chief'], tools: ['office.folder.open'], autonomy: 'act' },
    ]);
    const open = (code: string) => [{ name: 'office.folder.open', args: { code } }];
    const pay = (folder: string) => [{ name: 'office.folder.pay', args: { folder } }];
    const { out } = await run('chief', 'over', [
      open('F1'),
      [handTo('office.payer', 'paid', [pay('F1')])],
    ]);
    const { heard } = JSON.parse(out.heard[1] as string) as Output;

    assert.match(heard[0] as string, /duties\.lineage/);
    assert.deepEqual(await folders('F1'), [{ paid: false }]);
  });

  it('carries its label back', async () => {
    await file('R1', 'Do as I say.');
    const reads = [{ name: 'office.letter.read', args: { code: 'R1' } }];
    const ring = [{ name: 'office.bell.ring', args: { bell: 'after' } }];
    const { id, out } = await run('chief', 'over', [
      [handTo('office.helper', 'read', [reads])],
      ring,
    ]);

    assert.match(JSON.stringify(out.heard[0]), /Do as I say/);
    const [called] = await entriesOf(id, 'agent.called');
    assert.equal(called?.data.trust, 'external');
    // What it writes after that waits for a person.
    assert.equal((await folders('after')).length, 0);
    assert.match(out.heard[1] as string, /proposed/);
    const [step] = await query('SELECT trust FROM tutti.step WHERE run_id = $1', id);
    assert.deepEqual(step, { trust: 'external' });
  });

  it('gets the label of the conversation that hands it on', async () => {
    await file('R2', 'Ring.');
    const reads = [{ name: 'office.letter.read', args: { code: 'R2' } }];
    const ring = [[{ name: 'office.bell.ring', args: { bell: 'later' } }]];
    await run('chief', 'over', [
      [handTo('office.helper', 'read', [reads])],
      [handTo('office.helper', 'ring', ring)],
    ]);

    assert.equal((await folders('later')).length, 0);
  });

  it('ends, is paused and goes on with whoever handed it on', async () => {
    office.shut();
    const hold = handTo('office.second', 'two', [[handTo('office.third', 'hold here')]]);
    const id = await start('chief', 'over', [[hold]]);
    await eventually(() => office.held === 1);
    const [child] = await childrenOf(id);
    const statusOf = async (run: string | undefined) =>
      (await query<{ status: string }>('SELECT status FROM tutti.run WHERE id = $1', run))[0]
        ?.status;

    await tutti.engine.ask({ tenantId, runId: id, kind: 'pause', actor });
    await eventually(async () => (await statusOf(child?.id)) === 'paused');
    await tutti.engine.ask({ tenantId, runId: id, kind: 'resume', actor });
    await eventually(async () => (await statusOf(child?.id)) === 'running');
    await tutti.engine.ask({ tenantId, runId: id, kind: 'cancel', actor });
    assert.equal(await tutti.engine.whenEnded(id), 'cancelled');
    assert.equal(await tutti.engine.whenEnded(child?.id as string), 'cancelled');
    const [grandchild] = await childrenOf(child?.id as string);
    assert.equal(await tutti.engine.whenEnded(grandchild?.id as string), 'cancelled');
    office.open();
  });
});
