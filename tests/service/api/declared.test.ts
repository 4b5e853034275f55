import assert from 'node:assert/strict';
import { policiesOf } from '../../../bin/parts/policies-of.ts';
import { workflowTemplates } from '../../../bin/workflow-templates.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { json, problem } from './api.ts';

interface List<T> {
  readonly items: readonly T[];
}

describe('what the configuration declares, over HTTP', () => {
  let tutti: TestEngine;
  let server: Listening;

  const serve = async (name: string) => {
    tutti = await openTestEngine(
      new URL(`../../support/fixtures/${name}.config.ts`, import.meta.url),
    );
    const { history, engine, host } = tutti;
    const tenantId = await host.store.tenant('ours');
    const clock = new FakeClock(Date.parse('2026-06-29T12:00:00Z'));
    const parts = { history, engine, registry: host.registry, tenantId, clock };
    const policies = policiesOf(host);
    server = await listen(createApp({ ...parts, policies, templates: workflowTemplates }), {
      port: 0,
    });
  };
  const get = (path: string) => fetch(`${server.url}/v1/${path}`);
  afterEach(async function () {
    await server.close();
    await tutti.close(this);
  });

  it('policies are listed with their grants, access and tiers', async () => {
    await serve('agents');

    const { items } = await json<List<Readonly<Record<string, unknown>>>>(await get('policies'));

    const house = items.find(({ name }) => name === 'house');
    assert.partialDeepStrictEqual(house, {
      grants: [{ agents: ['custom.cashier'], tools: ['desk.payment.*'], autonomy: 'act' }],
      access: [{ agents: ['custom.keyholder'], tools: ['desk.box.open'] }],
      tiers: [{ name: 'payments', tools: ['desk.payment.*'] }],
      external: [],
    });
  });

  it('templates are listed, and shown with what one’s own begins with', async () => {
    await serve('agents');

    const { items } = await json<List<{ kind: string; name: string }>>(await get('templates'));
    const close = await json<{ text: string }>(await get('templates/workflows/month-end-close'));
    const counter = await json<{ document: { template: string } }>(
      await get('templates/agents/desk.counter'),
    );

    const names = (kind: string) =>
      items.filter((each) => each.kind === kind).map(({ name }) => name);
    assert.deepEqual(names('agent').toSorted(), ['desk.counter', 'desk.opener']);
    assert.ok(names('workflow').includes('month-end-close'));
    assert.match(close.text, /^name: /m);
    assert.equal(counter.document.template, 'desk.counter');
    await problem(await get('templates/workflows/none'), 404, 'WORKFLOW_UNKNOWN');
    await problem(await get('templates/agents/none'), 404, 'AGENT_UNKNOWN');
  });

  it('calendars are listed with their next moments, in their own zone', async () => {
    await serve('nodes');

    type Shown = { name: string; next: readonly { moment: string; at: string }[] };
    const { items } = await json<List<Shown>>(await get('calendars?time=06:30'));
    const one = await json<List<Shown>>(await get('calendars?moment=PERIOD_CLOSE-2BD'));

    assert.deepEqual(
      items.map(({ name }) => name),
      ['Germany'],
    );
    const next = new Map(items[0]?.next.map(({ moment, at }) => [moment, at]));
    assert.equal(next.get('FIRST_WORKING_DAY'), '2026-07-01T04:30:00.000Z');
    assert.equal(next.get('PERIOD_CLOSE'), '2026-06-30T04:30:00.000Z');
    assert.equal(next.get('YEAR_CLOSE'), '2026-12-31T05:30:00.000Z');
    assert.deepEqual(
      one.items[0]?.next.map(({ moment }) => moment),
      ['PERIOD_CLOSE-2BD'],
    );
    await problem(await get('calendars?moment=TOMORROW'), 422, 'CALENDAR_INVALID');
    await problem(await get('calendars?time=25:00'), 422, 'CALENDAR_INVALID');
  });
});
