import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type AttemptSample,
  assumed,
  Durations,
  remainingMs,
} from '../../../core/engine/schedule/durations.ts';
import { Reservoir } from '../../../core/engine/schedule/reservoir.ts';
import { verifies } from '../../support/verifies.ts';

const aSample = (more: Partial<AttemptSample> = {}): AttemptSample => ({
  agent: 'finance.match',
  mode: 'model',
  turns: [
    { ms: 1_000, thenMs: 40, input: 500, output: 50 },
    { ms: 3_000, thenMs: null, input: 900, output: 200 },
  ],
  ownMs: 0,
  ...more,
});

const aPlaybook = (agent: string, ownMs: number): AttemptSample =>
  aSample({ agent, mode: 'playbook', turns: [], ownMs });

describe('Durations', () => {
  it('expects of an agent what its latest attempts took, turn by turn', () => {
    verifies('R2.routing-by-history');
    const durations = new Durations();
    for (let each = 0; each < 5; each += 1) durations.learn(aSample());

    assert.deepEqual(durations.expected('finance.match', 'model'), {
      turns: [
        { ms: 1_000, thenMs: 40, input: 500, output: 50, bytes: 2_000 },
        { ms: 3_000, thenMs: 0, input: 900, output: 200, bytes: 3_600 },
      ],
      ownMs: 0,
      source: 'agent',
      samples: 5,
    });
  });

  it('falls back to the module, to everybody and to what is assumed, and says so', () => {
    const durations = new Durations();
    const sourceOf = (agent: string) => durations.expected(agent, 'playbook').source;
    assert.equal(sourceOf('finance.match'), 'assumed');

    durations.learn(aPlaybook('finance.match', 10));
    assert.equal(sourceOf('finance.match'), 'agent');
    for (let each = 0; each < 3; each += 1) durations.learn(aPlaybook('finance.pay', 30));
    assert.equal(sourceOf('finance.match'), 'module');
    assert.equal(sourceOf('finance.pay'), 'agent');
    assert.equal(sourceOf('stock.count'), 'all');
    assert.equal(durations.expected('stock.count', 'playbook').ownMs, 25);
    assert.equal(durations.expected('finance.pay', 'model').source, 'assumed');
  });

  it('assumes a playbook without turns, and turns with tokens and times of a model', () => {
    const durations = new Durations();

    assert.deepEqual(durations.expected('a.b', 'playbook').turns, []);
    const { turns } = durations.expected('a.b', 'model');
    assert.equal(turns, assumed.turns);
    for (const { ms, input, output } of turns) assert.ok(ms > 0 && input > output && output > 0);
  });

  it('is moved by less than a third when a tenth of the attempts go wild', () => {
    const durations = new Durations();
    for (let each = 0; each < 60; each += 1)
      durations.learn(aPlaybook('a.b', each % 10 === 0 ? 1e7 : 100));

    const { ownMs } = durations.expected('a.b', 'playbook');

    assert.ok(ownMs >= 100 && ownMs < 133, `${ownMs}`);
  });

  it('forgets what has changed once there is enough of the new', () => {
    const durations = new Durations();
    for (let each = 0; each < 500; each += 1) durations.learn(aPlaybook('a.b', 900));
    for (let each = 0; each < 64; each += 1) durations.learn(aPlaybook('a.b', 100));

    assert.equal(durations.expected('a.b', 'playbook').ownMs, 100);
  });

  it('rounds the number of turns to the mean, and expects late turns like the last known', () => {
    const durations = new Durations();
    const turn = (ms: number) => ({ ms, thenMs: 0, input: ms, output: 1 });
    for (const count of [2, 3, 12, 11])
      durations.learn(aSample({ turns: Array.from({ length: count }, (_, at) => turn(at + 1)) }));

    const { turns } = durations.expected('finance.match', 'model');

    assert.equal(turns.length, 7);
    assert.deepEqual(turns.map(({ ms }) => ms).slice(0, 3), [1, 2, 3]);
  });
});

describe('Reservoir', () => {
  it('has the median and the cut mean of its latest values, in whatever order they came', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 1, maxLength: 40 }), (values) => {
        const reservoir = new Reservoir(16);
        for (const value of values) reservoir.add(value);
        const latest = values.slice(-16).toSorted((a, b) => a - b);
        const lower = latest[(latest.length - 1) >> 1] as number;
        const upper = latest[latest.length >> 1] as number;

        assert.equal(reservoir.count, latest.length);
        assert.equal(reservoir.median, (lower + upper) / 2);
        const mean = reservoir.mean as number;
        assert.ok(mean >= (latest[0] as number) && mean <= (latest.at(-1) as number));
        if (lower + upper > 0) assert.ok(mean <= 2 * (lower + upper) + 1e-9);
      }),
    );
  });

  it('has no figures without values', () => {
    assert.deepEqual([new Reservoir().median, new Reservoir().mean], [null, null]);
  });
});

describe('remainingMs', () => {
  it('is what is left, and a tenth of the whole for what is late', () => {
    assert.equal(remainingMs(1_000, 300), 700);
    assert.equal(remainingMs(1_000, 950), 100);
    assert.equal(remainingMs(1_000, 9_000), 100);
  });
});
