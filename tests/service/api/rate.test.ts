import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { type ServedApi, serveHere } from '../identity/served.ts';
import { problem } from './api.ts';

describe('how often callers may ask', function () {
  this.timeout(180_000);
  let served: ServedApi;
  before(async () => {
    const rates = {
      usual: { perMinute: 3 },
      operator: { perMinute: 12 },
      big: { perMinute: 50, perDay: 4 },
    };
    served = await serveHere({ api: { keysOnly: true, rates } });
  });
  after(function () {
    return served.close(this);
  });
  const told = ({ headers }: Response) => [
    headers.get('ratelimit-policy'),
    headers.get('ratelimit'),
  ];

  it('is said by the rate of their role, their key, or everybody', async () => {
    verifies('R10.authentication');
    const [usual, role, own] = [
      await served.ask('/v1/me', await served.key(served.ours, ['viewer'])),
      await served.ask('/v1/me', await served.key(served.ours, ['viewer', 'operator'])),
      await served.ask('/v1/me', await served.key(served.ours, ['operator'], { rate: 'big' })),
    ];

    assert.deepEqual(told(usual), ['"perminute";q=3;w=60', '"perminute";r=2;t=60']);
    assert.deepEqual(told(role), ['"perminute";q=12;w=60', '"perminute";r=11;t=60']);
    assert.deepEqual(told(own), [
      '"perminute";q=50;w=60, "perday";q=4;w=86400',
      '"perday";r=3;t=86400',
    ]);
  });

  it('is counted for each by itself, and stops each at its limit', async () => {
    verifies('R6.api-throttle');
    const [one, other] = [
      await served.key(served.ours, ['viewer']),
      await served.key(served.ours, ['viewer']),
    ];
    const from = performance.now();
    for (let no = 0; no < 3; no += 1) assert.equal((await served.ask('/v1/me', one)).status, 200);
    const stopped = await served.ask('/v1/me', one);
    const passed = (performance.now() - from) / 1_000;

    const body = await problem(stopped.clone() as Response, 429, 'RATE_LIMITED');
    assert.equal(body.type, 'https://iana.org/assignments/http-problem-types#quota-exceeded');
    assert.deepEqual(body['violated-policies'], ['perminute']);
    const seconds = Number(stopped.headers.get('retry-after'));
    assert.ok(seconds >= 60 - passed && seconds <= 60, `${seconds} s, asked for ${passed} s`);
    assert.match(stopped.headers.get('ratelimit') ?? '', /^"perminute";r=0;t=\d+$/);
    assert.equal((await served.ask('/v1/me', other)).status, 200);
  });

  it('counts a day, too', async () => {
    const key = await served.key(served.ours, ['viewer'], { rate: 'big' });
    for (let no = 0; no < 4; no += 1) await served.ask('/v1/me', key);
    const { 'violated-policies': violated } = await problem(
      await served.ask('/v1/me', key),
      429,
      'RATE_LIMITED',
    );
    assert.deepEqual(violated, ['perday']);
  });

  it('is less of what starts work', async () => {
    verifies('R6.api-throttle');
    const key = await served.key(served.ours, ['operator']);
    const start = (no: number) =>
      served.ask('/v1/runs', key, {
        ...{ method: 'POST', body: '{"workflow":"chorus","input":{"values":[]}}' },
        headers: { 'content-type': 'application/json', 'idempotency-key': `rate-${no}` },
      });

    const [first, second, third] = [await start(1), await start(2), await start(3)];

    assert.deepEqual([first.status, second.status, third.status], [202, 202, 429]);
    assert.match(first.headers.get('ratelimit') ?? '', /;r=7;/);
  });

  it('is less of plans, which take as much at once', async () => {
    verifies('R6.api-throttle');
    const key = await served.key(served.ours, ['operator']);
    const plan = await served.ask('/v1/plans', key, {
      ...{ method: 'POST', body: '{"workflow":"chorus","input":{"values":[]}}' },
      headers: { 'content-type': 'application/json' },
    });
    assert.match(plan.headers.get('ratelimit') ?? '', /;r=7;/);
  });

  it('goes by address for whoever is nobody', async () => {
    const statuses: number[] = [];
    for (let no = 0; no < 5; no += 1) statuses.push((await served.ask('/v1/me')).status);
    assert.deepEqual(statuses, [401, 401, 401, 429, 429]);
    assert.equal((await served.ask('/livez')).status, 200);
  });
});
