import assert from 'node:assert/strict';
import { digest } from '../../../core/base/ids.ts';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import { SettingStore } from '../../../core/engine/recovery/setting-store.ts';
import { grantTool, revokeTool } from '../../../core/engine/tools/grants.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { actor, Desk, twoSteps } from './desk.ts';

describe('agents made at run time', () => {
  const desk = new Desk();
  let tenantId: number;

  before(async () => {
    await desk.open();
    await desk.start();
    tenantId = await desk.tenant('ours');
  });
  after(function () {
    return desk.close(this);
  });

  const speaking = () => ({ tenantId, actor });
  const create = (name: string, more: object = {}) =>
    desk.agents.create(speaking(), {
      ...{ name, purpose: 'Answers.', instructions: 'Say ONE' },
      ...more,
    });
  const start = async (workflow: string, task: string) => {
    const request = { ...speaking(), workflow, input: { task }, attended: false };
    const { id } = await desk.tutti.engine.startRun({
      ...request,
      ...{ businessDate: '2026-06-30', timeZone: 'UTC' },
    });
    return id;
  };

  it('take from their template what they leave out, and its playbook only if they are told the same', async () => {
    const same = await create('same', {
      template: 'desk.counter',
      purpose: undefined,
      instructions: undefined,
    });
    const other = await create('other', { template: 'desk.counter', purpose: undefined });

    const { purpose, tools, capabilities, template, version } = same.agent;
    assert.deepEqual(
      [purpose, tools, template, version],
      ['Counts the words of a sentence.', ['desk.word.count'], 'desk.counter', 1],
    );
    assert.deepEqual(
      capabilities.map(({ name }) => name),
      ['counting'],
    );
    assert.deepEqual([same.agent.needsModel, other.agent.needsModel], [false, true]);
    const { output } = await desk
      .ask(tenantId, 'custom.other', 'x')
      .catch(() => ({ output: null }));
    assert.equal(output, null, 'the model answers in another form than the template asks for');
  });

  it('work by a model in tasks and in workflows, with the tools that they list', async () => {
    await create('helper', { instructions: 'Say HELLO', tools: ['desk.word.count'] });
    await desk.publish(tenantId, twoSteps('custom.helper'));

    const said = await desk.ask(tenantId, 'custom.helper', 'speak');
    const used = await desk.ask(tenantId, 'custom.helper', 'use');
    const output = await desk.ended(tenantId, await start('custom_helper_twice', 'speak'));

    assert.deepEqual([said.state, said.output], ['succeeded', { answer: 'HELLO' }]);
    assert.match(JSON.stringify(used.output), /words.*1/);
    assert.deepEqual(output, { first: 'HELLO', second: 'HELLO' });
  });

  it('stay as they were for runs under way when they are changed', async () => {
    await create('changing');
    await desk.publish(tenantId, twoSteps('custom.changing'));
    const old = await start('custom_changing_twice', 'hold');
    await desk.held();

    const changes = { instructions: 'Say TWO' };
    const changed = await desk.agents.amend(speaking(), 'changing', { changes });
    const fresh = await start('custom_changing_twice', 'speak');
    const now = await desk.ended(tenantId, fresh);
    desk.gate.open();

    assert.deepEqual([changed.agent.version, changed.isNew], [2, true]);
    assert.deepEqual(now, { first: 'TWO', second: 'TWO' });
    assert.deepEqual(await desk.ended(tenantId, old), { first: 'ONE', second: 'ONE' });
    const { versions } = await desk.agents.versions(tenantId, 'changing');
    assert.deepEqual(
      versions.map(({ version, runs, inForce }) => [version, runs, inForce]),
      [
        [2, 1, true],
        [1, 1, false],
      ],
    );
  });

  it('are found by no new run once they are deleted; those under way go on', async () => {
    await create('leaving');
    await desk.publish(tenantId, twoSteps('custom.leaving'));
    const old = await start('custom_leaving_twice', 'hold');
    await desk.held();

    const { version, breaks } = await desk.agents.delete(speaking(), 'leaving');

    assert.equal(version, 1);
    assert.deepEqual(
      breaks.map(({ workflow }) => workflow),
      ['custom_leaving_twice'],
    );
    await assert.rejects(start('custom_leaving_twice', 'speak'), {
      code: 'WORKFLOW_INVALID',
      message: /names the agent 'custom\.leaving'/,
    });
    await assert.rejects(desk.ask(tenantId, 'custom.leaving', 'x'), { code: 'AGENT_UNKNOWN' });
    await assert.rejects(desk.agents.show(tenantId, 'leaving'), { code: 'AGENT_UNKNOWN' });
    desk.gate.open();
    assert.deepEqual(await desk.ended(tenantId, old), { first: 'ONE', second: 'ONE' });

    const again = await desk.agents.rollBack(speaking(), 'leaving', 1);
    assert.deepEqual([again.agent.version, again.isNew], [1, true]);
    assert.deepEqual(await desk.ended(tenantId, await start('custom_leaving_twice', 'speak')), {
      first: 'ONE',
      second: 'ONE',
    });
  });

  it('are refused tools that nobody has given to them, when they are made and when they call', async () => {
    const tools = ['desk.box.open'];
    await assert.rejects(create('burglar', { tools }), {
      code: 'AGENT_INVALID',
      message:
        /no access to 'desk\.box\.open'.*tutti tools grant desk\.box\.open --agent custom\.burglar/,
    });
    await assert.rejects(create('thief', { template: 'desk.opener' }), { code: 'AGENT_INVALID' });
    const { host } = desk.tutti;
    const settings = new SettingStore(host.database, host);
    const grant = { tenantId, actor, tool: 'desk.box.open', agent: 'custom.guest' } as const;
    await grantTool(settings, grant);
    await create('keyholder', { tools });
    await create('guest', { tools });

    const opened = await desk.ask(tenantId, 'custom.guest', 'use');
    await revokeTool(settings, grant);

    assert.match(JSON.stringify(opened.output), /a pearl/);
    // Threads hear of it within a second.
    await eventually(async () => {
      const { output } = await desk.ask(tenantId, 'custom.guest', 'use');
      return /desk\.box\.open.*is for agents of 'desk'/.test(JSON.stringify(output));
    });
    const held = await desk.ask(tenantId, 'custom.keyholder', 'use');
    assert.match(JSON.stringify(held.output), /a pearl/);
  });

  it('get a tool of a role only from who holds it', async () => {
    const { host } = desk.tutti;
    const settings = new SettingStore(host.database, host);
    await grantTool(settings, { tenantId, actor, tool: 'desk.box.open', role: 'treasurer' });
    const document = { name: 'of_role', template: 'desk.opener' };

    await assert.rejects(create('of_role', { template: 'desk.opener' }), { code: 'AGENT_INVALID' });
    const anna = { tenantId, actor: { kind: 'person', id: 'anna' } } as const;
    assert.equal((await desk.agents.create(anna, document)).agent.needsModel, false);
  });

  it('get no two duties that must be in different hands', async () => {
    const tools = ['desk.payment.prepare', 'desk.payment.release'];

    await assert.rejects(create('cashier', { tools }), {
      code: 'AGENT_INVALID',
      message: /'prepare_payment'.*'release_payment'.*nobody pays alone/,
    });
    assert.equal((await create('clerk', { tools })).agent.version, 1);
  });

  it('have what they proposed carried out as they were, even when they are deleted', async () => {
    await create('payer', { tools: ['desk.payment.prepare'] });
    await desk.publish(tenantId, twoSteps('custom.payer'));
    const runId = await start('custom_payer_twice', 'use');
    await desk.ended(tenantId, runId);
    const approvals = new Approvals(
      desk.fresh.database.pool('tutti_engine', 1),
      desk.tutti.host.config.roles,
    );
    const [view] = await approvals.list(tenantId, { runId, state: 'open', limit: 1 });
    await desk.agents.delete(speaking(), 'payer');

    const say = { tenantId, id: String(view?.id), person: 'anna', via: 'test' } as const;
    await approvals.decide({ ...say, decision: 'granted' });

    const run = await eventually(async () => {
      const runs = await desk.tutti.history.runs(tenantId);
      return runs.find((each) => each.workflow === 'apply:desk.payment.prepare' && each.endedAt);
    });
    assert.equal(run.status, 'succeeded');
    const [step] = await desk.tutti.history.steps(tenantId, run.id);
    assert.equal(step?.error, null);
  });

  it('that no longer fit what is loaded keep nobody else from working, and say why', async () => {
    const { agents } = desk.tutti.host.store.definitions;
    const data = { name: 'broken', purpose: 'P', instructions: 'I', tools: ['desk.gone'] };
    const { version } = await agents.store(tenantId, { data, module: null, digest: digest(data) });
    await agents.say(tenantId, 'broken', { how: 'published', version, actor });
    await create('sound', { instructions: 'Say SOUND' });

    const { output } = await desk.ask(tenantId, 'custom.sound', 'x');
    const found = await desk.agents.list(tenantId, { module: 'custom' });

    assert.deepEqual(output, { answer: 'SOUND' });
    const faults = found.flatMap(({ name, fault }) => (fault === null ? [] : [name, fault]));
    assert.equal(faults[0], 'custom.broken');
    assert.match(String(faults[1]), /lists the tool 'desk\.gone', which is not loaded/);
    assert.equal((await desk.agents.show(tenantId, 'broken')).document?.name, 'broken');
    await assert.rejects(desk.ask(tenantId, 'custom.broken', 'x'), { code: 'AGENT_UNKNOWN' });
  });

  it('are refused where they are no agents, and where somebody else was first', async () => {
    const refused: readonly [object, RegExp][] = [
      [{ name: 'Bad Name' }, /'name' must be lower snake case/],
      [{ name: 'bad', template: 'desk.none' }, /template 'desk\.none', which is not loaded/],
      [{ name: 'bad', tools: ['desk.none'] }, /tool 'desk\.none', which is not loaded/],
      [{ name: 'bad', tools: ['tutti.undo'] }, /tool 'tutti\.undo', which is not loaded/],
      [
        { name: 'bad', output: { type: 'string' } },
        /'output' must be a JSON Schema of type 'object'/,
      ],
      [{ name: 'bad', input: { type: 'object', properties: { a: { $ref: '#/x' } } } }, /'input'/],
      [{ name: 'bad', autonomy: 'act' }, /[Uu]nrecognized key/],
      [{ name: 'bad', instructions: undefined }, /'instructions' is missing/],
      [{ name: 'bad', instructions: 'x'.repeat(60_000) }, /instructions/],
    ];
    for (const [more, message] of refused)
      await assert.rejects(create('bad', more), { code: 'AGENT_INVALID', message });

    const crowd = await Promise.allSettled(
      ['A', 'B', 'C'].map((word) => create('contested', { instructions: `Say ${word}` })),
    );
    assert.equal(crowd.filter(({ status }) => status === 'fulfilled').length, 1);
    await assert.rejects(create('contested'), { code: 'AGENT_CONFLICT' });
    const late = { written: { instructions: 'x', purpose: 'x' }, version: 9 };
    await assert.rejects(desk.agents.change(speaking(), 'contested', late), {
      code: 'AGENT_CONFLICT',
      message: /not 9/,
    });
    await assert.rejects(desk.agents.delete(speaking(), 'desk.counter'), {
      code: 'AGENT_CONFLICT',
      message: /loaded code/,
    });
  });

  it('are cloned, listed by module and capability, and nobody else’s', async () => {
    verifies('R12.tenancy');
    await create('original', {
      capabilities: [{ name: 'singing', inputTypes: [], outputTypes: [] }],
    });
    const clone = await desk.agents.clone(speaking(), 'custom.original', {
      name: 'copy',
      changes: { instructions: 'Say COPY' },
    });
    const ofLoaded = await desk.agents.clone(speaking(), 'desk.counter', {
      name: 'second_counter',
    });

    assert.equal(clone.agent.document?.purpose, 'Answers.');
    assert.deepEqual([ofLoaded.agent.template, ofLoaded.agent.needsModel], ['desk.counter', false]);
    const singing = await desk.agents.list(tenantId, { module: 'custom', capability: 'singing' });
    assert.deepEqual(
      singing.map(({ name }) => name),
      ['custom.copy', 'custom.original'],
    );
    const theirs = await desk.tenant('theirs');
    const names = (await desk.agents.list(theirs)).map(({ name }) => name);
    assert.deepEqual(names, ['desk.counter', 'desk.opener']);
    for (const ask of [
      () => desk.agents.show(theirs, 'custom.copy'),
      () => desk.agents.show(theirs, 'custom.copy', 1),
      () => desk.agents.versions(theirs, 'copy'),
      () => desk.ask(theirs, 'custom.copy', 'x'),
    ])
      await assert.rejects(ask(), { code: 'AGENT_UNKNOWN' });
    const own = { tenantId: theirs, actor };
    const mine = { name: 'copy', purpose: 'Other.', instructions: 'Say THEIRS' };
    await desk.agents.create(own, mine);
    assert.deepEqual((await desk.ask(theirs, 'custom.copy', 'x')).output, { answer: 'THEIRS' });
    assert.deepEqual((await desk.ask(tenantId, 'custom.copy', 'x')).output, { answer: 'COPY' });
  });
});
