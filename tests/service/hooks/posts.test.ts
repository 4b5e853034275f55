import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { EngineError } from '../../../core/base/errors.ts';
import { mostLevels } from '../../../core/base/nesting.ts';
import { type HookApi, openHookApi } from '../../support/hook-api.ts';
import { hookSecrets, signed } from '../../support/hook-lab.ts';
import { verifies } from '../../support/verifies.ts';
import { problem } from '../api/api.ts';

/** The lab's clock: 2026-06-30T20:00:00Z. */
const seconds = 1_782_849_600;
const { ODOO_TOKEN: token, HOOK_KEY: secret } = hookSecrets;
const json = { 'content-type': 'application/json' };

describe('POST /v1/hooks/:source', () => {
  let api: HookApi;

  before(async () => {
    api = await openHookApi();
  });

  after(function () {
    return api.close(this);
  });

  async function newest(limit = 1) {
    const { lab } = api;
    const events = await lab.store.events(lab.tenantId, { limit });
    return events.map(({ source, key, type, entity, recordId, version, occurredAt }) => {
      const at = occurredAt?.toISOString() ?? null;
      return { source, key, type, entity, recordId, version, at };
    });
  }

  const standard = (body: string, id: string, headers: Record<string, string> = {}) =>
    api.post('/v1/hooks/standard', body, { ...signed(body, { id, seconds, secret }), ...headers });

  it('takes CloudEvents: structured, binary and in batches; source and id tell them apart', async () => {
    verifies('R9.erp-events', 'R12.signing');
    const event = {
      ...{ specversion: '1.0', id: '7', source: '/erp', type: 'ticket', subject: 'T-1' },
      ...{ time: '2026-06-30T19:59:59+00:00', data: { a: 1 } },
    };
    const structured = await standard(JSON.stringify(event), 'm1', {
      'content-type': 'application/cloudevents+json; charset=utf-8',
    });
    const binary = await standard('{"a":1}', 'm2', {
      ...{ 'ce-specversion': '1.0', 'ce-id': '8', 'ce-source': '/erp', 'ce-type': 'ticket' },
      ...{ 'ce-subject': 'T%20%C3%BC' },
    });
    const batch = await standard(JSON.stringify([event, { ...event, source: '/crm' }]), 'm3', {
      'content-type': 'application/cloudevents-batch+json',
    });

    const answers = await Promise.all([structured, binary, batch].map((each) => each.json()));
    assert.deepEqual(answers, [
      { recorded: 1, duplicates: 0 },
      { recorded: 1, duplicates: 0 },
      { recorded: 1, duplicates: 1 },
    ]);
    const common = { source: 'standard', type: 'ticket', entity: 'ticket', version: null };
    const at = '2026-06-30T19:59:59.000Z';
    assert.deepEqual(await newest(3), [
      { ...common, key: '/crm 7', recordId: 'T-1', at },
      { ...common, key: '/erp 8', recordId: 'T ü', at: null },
      { ...common, key: '/erp 7', recordId: 'T-1', at },
    ]);
  });

  it('takes what Frappe sends, and knows it again by its bytes', async () => {
    const body = '{"doctype": "Ticket", "name": "T-9", "modified": "2026-06-30 19:59:00.000001"}';
    const mac = createHmac('sha256', hookSecrets.FRAPPE_SECRET).update(body).digest('base64');
    const headers = { ...json, 'x-frappe-webhook-signature': mac };

    const first = await api.post('/v1/hooks/frappe', body, headers);
    api.lab.clock.pass(120_000);
    const second = await api.post('/v1/hooks/frappe', body, headers);

    assert.deepEqual([first.status, second.status], [202, 202]);
    assert.deepEqual(await second.json(), { recorded: 0, duplicates: 1 });
    const [event] = await newest();
    assert.deepEqual(
      [event?.entity, event?.recordId, event?.version],
      ['ticket', 'T-9', '2026-06-30 19:59:00.000001'],
    );
    api.lab.clock.pass(-120_000);
  });

  it('takes what Odoo sends: unsigned, with a token in the address', async () => {
    const body = '{"_action": "On change(#12)", "_id": 42, "_model": "helpdesk.ticket"}';

    const taken = await api.post(`/v1/hooks/odoo?token=${token}`, body);
    const again = await api.post(`/v1/hooks/odoo?token=${token}`, body);
    const refused = await api.post(`/v1/hooks/odoo?token=${token}x`, body);

    assert.deepEqual([taken.status, again.status, refused.status], [202, 202, 401]);
    assert.equal(((await again.json()) as { duplicates: number }).duplicates, 1);
    const [event] = await newest();
    assert.deepEqual(
      [event?.type, event?.entity, event?.recordId],
      ['On change(#12)', 'ticket', '42'],
    );
  });

  it('answers the handshakes of Event Grid in both of its schemas, and of Business Central', async () => {
    const path = `/v1/hooks/grid?code=${token}`;
    const validation = [
      {
        ...{ id: 'v', eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent' },
        ...{ subject: '', eventTime: '2026-06-30T20:00:00Z', data: { validationCode: '512D38B6' } },
      },
    ];
    const asked = { 'aeg-event-type': 'SubscriptionValidation', ...json };

    const code = await api.post(path, JSON.stringify(validation), asked);
    const unproved = await api.post('/v1/hooks/grid', JSON.stringify(validation), asked);
    const options = await fetch(api.server.url + path, {
      method: 'OPTIONS',
      headers: {
        'WebHook-Request-Origin': 'eventgrid.azure.net',
        'WebHook-Request-Rate': '120',
      },
    });
    const stranger = await fetch(api.server.url + path, {
      method: 'OPTIONS',
      headers: { 'WebHook-Request-Origin': 'example.com' },
    });
    const central = await api.post(`/v1/hooks/central?token=${token}&validationToken=abc%2B1`, '');

    assert.deepEqual([code.status, await code.json()], [200, { validationResponse: '512D38B6' }]);
    assert.equal(unproved.status, 401);
    assert.equal(options.headers.get('webhook-allowed-origin'), 'eventgrid.azure.net');
    assert.equal(options.headers.get('webhook-allowed-rate'), '120');
    assert.equal(stranger.headers.get('webhook-allowed-origin'), null);
    assert.deepEqual([central.status, await central.text()], [200, 'abc+1']);
    assert.match(central.headers.get('content-type') ?? '', /^text\/plain/);
  });

  it('takes the events of Event Grid and Business Central, several in a post', async () => {
    const event = (id: string, subject: string) => ({
      ...{ id, subject, eventType: 'Desk.TicketChanged', eventTime: '2026-06-30T20:00:00Z' },
      data: {},
    });
    const grid = await api.post(
      `/v1/hooks/grid?code=${token}`,
      JSON.stringify([event('g1', '11'), event('g2', '12')]),
    );
    const value = ['1', '2'].map((id) => ({
      ...{
        subscriptionId: 's',
        changeType: 'updated',
        resource: `api/v2.0/companies(c)/tickets(${id})`,
      },
      lastModifiedDateTime: '2026-06-30T20:00:00Z',
    }));
    const central = await api.post(`/v1/hooks/central?token=${token}`, JSON.stringify({ value }));

    assert.deepEqual(
      [await grid.json(), await central.json()],
      Array(2).fill({ recorded: 2, duplicates: 0 }),
    );
    const events = await newest(4);
    assert.deepEqual(
      events.map(({ source, entity, recordId }) => `${source} ${entity} ${recordId}`).sort(),
      ['central ticket 1', 'central ticket 2', 'grid ticket 11', 'grid ticket 12'],
    );
  });

  it('takes any JSON by a mapping', async () => {
    const body = '{"changes":[{"no":"1","rev":3},{"no":2}]}';
    const mac = createHmac('sha256', hookSecrets.GENERIC_SECRET)
      .update(`${seconds}.${body}`)
      .digest('hex');
    const headers = { ...json, 'x-signature': `sha256=${mac}`, 'x-time': String(seconds) };

    const taken = await api.post('/v1/hooks/generic', body, headers);

    assert.deepEqual(await taken.json(), { recorded: 2, duplicates: 0 });
    const events = await newest(2);
    assert.deepEqual(events.map(({ recordId, version }) => [recordId, version]).sort(), [
      ['1', '3'],
      ['2', null],
    ]);
  });

  it('records the events of a source for its tenant', async () => {
    const taken = await api.post(`/v1/hooks/elsewhere?token=${token}`, '{"id":"only-theirs"}');

    assert.equal(taken.status, 202);
    const own = await api.lab.store.events(api.lab.tenantId, { limit: 500 });
    assert.ok(own.every(({ key }) => key !== 'only-theirs'));
  });

  it('answers what nobody can read with 4xx, and nothing of it is recorded', async () => {
    const { lab } = api;
    const known = (await lab.store.events(lab.tenantId, { limit: 500 })).length;
    const deep = `${'['.repeat(60_000)}${']'.repeat(60_000)}`;
    const tooDeep = `${'['.repeat(mostLevels)}${']'.repeat(mostLevels)}`;
    const event = '"specversion":"1.0","id":"1","source":"s","type":"t"';
    const odoo = (body: string | Uint8Array, headers = json) =>
      api.post(`/v1/hooks/odoo?token=${token}`, body, headers);
    const grid = (body: string) =>
      api.post(`/v1/hooks/grid?code=${token}`, body, {
        ...json,
        'aeg-event-type': 'SubscriptionValidation',
      });
    const cloud = (body: string) => odoo(body, { 'content-type': 'application/cloudevents+json' });
    const bodies: readonly (readonly [Promise<Response>, number, string])[] = [
      [odoo(''), 400, 'INPUT_INVALID'],
      [odoo('{'), 400, 'INPUT_INVALID'],
      [odoo('null'), 400, 'INPUT_INVALID'],
      [odoo('[1, 2]'), 400, 'INPUT_INVALID'],
      [odoo(new Uint8Array([0xff, 0xfe])), 400, 'INPUT_INVALID'],
      [odoo('{"_id": 1}'), 422, 'EXPRESSION_INVALID'],
      [odoo('{"_id": {}, "_model": "m", "_action": "a"}'), 400, 'INPUT_INVALID'],
      [odoo('{"_id": "\\u0000", "_model": "m", "_action": "a"}'), 400, 'INPUT_INVALID'],
      [odoo(`{"_id": "${'ü'.repeat(101)}", "_model": "m", "_action": "a"}`), 400, 'INPUT_INVALID'],
      [odoo(`{"_id": 1, "_model": "m", "_action": "a", "x": ${tooDeep}}`), 400, 'INPUT_INVALID'],
      [odoo(deep), 400, 'INPUT_INVALID'],
      [odoo('{}', { 'content-type': 'text/html' }), 415, 'MEDIA_UNSUPPORTED'],
      [
        odoo('{}', { ...json, 'content-encoding': 'gzip' } as typeof json),
        415,
        'MEDIA_UNSUPPORTED',
      ],
      [odoo(' '.repeat(262_145)), 413, 'BODY_TOO_LARGE'],
      [cloud('{"specversion":"0.3","id":"1","source":"s","type":"t"}'), 400, 'INPUT_INVALID'],
      [cloud('{"specversion":"1.0","id":"\\u0000","source":"s","type":"t"}'), 400, 'INPUT_INVALID'],
      [cloud(`{${event},"data":${tooDeep}}`), 400, 'INPUT_INVALID'],
      [grid('[{"data":{}}]'), 400, 'INPUT_INVALID'],
      [api.post('/v1/hooks/none', '{}'), 404, 'HOOK_UNKNOWN'],
      [api.post('/v1/hooks/standard', '{}'), 401, 'HOOK_REFUSED'],
    ];

    for (const [answer, status, code] of bodies) await problem(await answer, status, code);
    assert.equal((await lab.store.events(lab.tenantId, { limit: 500 })).length, known);
    assert.deepEqual(api.errors, []);
  });

  it('says when to come again, to whoever posts too often', async () => {
    verifies('R6.inbound');
    const narrow = () => api.post(`/v1/hooks/narrow?token=${token}`, '{"id":"n"}');
    const answers = [await narrow(), await narrow(), await narrow()];

    assert.deepEqual(
      answers.map(({ status }) => status),
      [202, 202, 429],
    );
    assert.ok(Number(answers[2]?.headers.get('retry-after')) > 0);
  });
});

describe('POST /v1/hooks/:source while nothing can be recorded', () => {
  let api: HookApi;
  let away: Error = new Error();

  before(async () => {
    api = await openHookApi(async () => {
      throw away;
    });
  });

  after(function () {
    return api.close(this);
  });

  it('says when to come again, and never that it was taken', async () => {
    verifies('R6.inbound');
    const path = `/v1/hooks/elsewhere?token=${token}`;
    const answers: (readonly [number, string | null])[] = [];
    for (const error of [
      // The server shuts down; two transactions collide; too many events wait.
      Object.assign(new Error('away'), { code: '57P01' }),
      Object.assign(new Error('collided'), { code: '40P01' }),
      new EngineError('RATE_LIMITED', '50000 events wait.'),
    ]) {
      away = error;
      const answer = await api.post(path, '{"id":"1"}');
      answers.push([answer.status, answer.headers.get('retry-after')]);
    }

    assert.deepEqual(answers, [
      [503, '5'],
      [503, '5'],
      [429, '1'],
    ]);
  });
});

describe('/v1/hooks', () => {
  let api: HookApi;

  before(async () => {
    api = await openHookApi();
  });

  after(function () {
    return api.close(this);
  });

  it('shows hooks and events, pauses, resumes and replays', async () => {
    const { lab, server } = api;
    const { id } = await lab.write(null, {});
    await api.post(
      `/v1/hooks/odoo?token=${token}`,
      `{"_id":${id},"_model":"helpdesk.ticket","_action":"a"}`,
    );
    await lab.settle();
    const get = async (path: string) => (await fetch(server.url + path)).json();
    const send = (path: string, body: object) => api.post(path, JSON.stringify(body));

    const { items } = (await get('/v1/erp-events?state=started')) as {
      readonly items: readonly { readonly id: string; readonly firings: readonly object[] }[];
    };
    const [event] = items;
    const replayed = await send(`/v1/erp-events/${event?.id}/replay`, { hook: 'desk.changed' });
    const paused = await send('/v1/hooks/desk.changed/pause', { reason: 'close' });
    const list = (await get('/v1/hooks')) as {
      readonly items: readonly { readonly paused: unknown }[];
    };
    const resumed = await api.post('/v1/hooks/desk.changed/resume', '');
    const unknown = await send('/v1/hooks/desk.none/pause', {});

    assert.equal(event?.firings.length, 2);
    assert.deepEqual(
      [replayed.status, paused.status, resumed.status, unknown.status],
      [200, 200, 200, 404],
    );
    const again = (await replayed.json()) as { readonly firings: readonly { isReplay: boolean }[] };
    assert.equal(again.firings.filter(({ isReplay }) => isReplay).length, 1);
    assert.equal(list.items.filter((each) => each.paused !== null).length, 1);
    assert.equal(((await resumed.json()) as { paused: unknown }).paused, null);
    await lab.settle();
    assert.equal((await lab.runs()).length, 2);
  });

  it('counts what came, what came again, what was refused and why, and what was fired', async () => {
    const { lab } = api;
    const { id } = await lab.write(null, {});
    const { metrics } = lab;
    const [received, fired] = (['tutti.hooks.received', 'tutti.hooks.fired'] as const).map((name) =>
      metrics.sum(name),
    ) as [number, number];
    const event = { specversion: '1.0', id: `count ${id}`, source: '/erp', type: 'ticket' };
    const body = JSON.stringify({ ...event, subject: id });
    const type = { 'content-type': 'application/cloudevents+json' };
    const at = Math.floor(lab.clock.now() / 1_000);
    const by = (key: string) => ({ ...signed(body, { id, seconds: at, secret: key }), ...type });
    const stranger = by('whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBpcyB0aGlz');

    const statuses = [
      await api.post('/v1/hooks/standard', body, by(secret)),
      await api.post('/v1/hooks/standard', body, by(secret)),
      await api.post('/v1/hooks/standard', body, stranger),
      await api.post('/v1/hooks/made-up-by-a-caller', body, by(secret)),
    ].map(({ status }) => status);
    await lab.settle();

    assert.deepEqual(statuses, [202, 202, 401, 404]);
    assert.equal(metrics.sum('tutti.hooks.received', { source: 'standard' }), 1);
    assert.equal(metrics.sum('tutti.hooks.received') - received, 1);
    assert.equal(metrics.sum('tutti.hooks.duplicates', { source: 'standard' }), 1);
    const refused = { source: 'standard', reason: 'HOOK_REFUSED' };
    assert.equal(metrics.sum('tutti.hooks.refused', refused), 1);
    const unknown = { source: 'unknown', reason: 'HOOK_UNKNOWN' };
    assert.equal(metrics.sum('tutti.hooks.refused', unknown), 1);
    const [known] = await lab.store.events(lab.tenantId, { limit: 1 });
    assert.equal(metrics.sum('tutti.hooks.fired') - fired, known?.firings.length);
    const started = { hook: 'desk.changed', outcome: 'started' };
    assert.ok(metrics.sum('tutti.hooks.fired', started) > 0);
  });
});
