import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ageStepMs, type Ready, type ServiceClass } from '../../../core/engine/schedule/ready.ts';
import { type RunningLimits, Scheduler } from '../../../core/engine/schedule/scheduler.ts';
import { verifies } from '../../support/verifies.ts';

const unlimited: RunningLimits = { running: 1e6, perRun: 1e6, perModule: 1e6 };
let order = 0;

function item(options: Partial<Ready> = {}): Ready {
  order += 1;
  const base = { service: 'batch', run: 'r1', module: 'a', model: null } as const;
  return { ...base, priority: 5, readyAt: 0, order, ...options };
}

/** Takes what may start now, in order. */
function take(scheduler: Scheduler<Ready>, now = 0, admits: (item: Ready) => boolean = () => true) {
  const started: Ready[] = [];
  scheduler.take(now, admits, (each) => started.push(each));
  return started;
}

describe('Scheduler', () => {
  it('looks again at a line whose first was refused when something better comes into it meanwhile', () => {
    const scheduler = new Scheduler<Ready>(unlimited);
    const [large, other] = [item({ model: 'm' }), item({ module: 'b' })];
    const small = item({ model: 'm', priority: 9 });
    scheduler.offer(large);
    scheduler.offer(other);
    const started: Ready[] = [];

    scheduler.take(
      0,
      (each) => each !== large,
      (each) => {
        started.push(each);
        if (each === other) scheduler.offer(small);
      },
    );

    assert.deepEqual(started, [other, small]);
  });

  it('starts what waits of a run in the order of its new priority, as if it had always had that', () => {
    verifies('R2.priority-change');
    const offers = fc.array(
      fc.record({ run: fc.nat(2), module: fc.nat(1), priority: fc.integer({ min: 1, max: 10 }) }),
      { minLength: 1, maxLength: 30 },
    );
    const changes = fc.array(fc.record({ run: fc.nat(2), by: fc.integer({ min: -4, max: 5 }) }));
    fc.assert(
      fc.property(offers, changes, (offered, changed) => {
        const moved = [0, 0, 0];
        const of = (fixed: readonly number[]) =>
          offered.map(({ run, module, priority }, at) => ({
            ...item({ run: `r${run}`, module: `m${module}`, readyAt: at, order: at }),
            get priority() {
              return priority + (fixed[run] as number);
            },
          }));
        const scheduler = new Scheduler<Ready>({ ...unlimited, running: 1 });
        const [early, late] = [of(moved), of(moved)].map((all, part) =>
          all.filter(({ order }) => order % 2 === part),
        ) as [Ready[], Ready[]];
        for (const each of early) scheduler.offer(each);
        for (const { run, by } of changed) moved[run] = by;
        for (const each of late) scheduler.offer(each);
        const fresh = new Scheduler<Ready>({ ...unlimited, running: 1 });
        for (const each of of(moved)) fresh.offer(each);
        const orderOf = (each: Scheduler<Ready>): readonly number[] =>
          offered.flatMap(() => {
            const [first] = take(each, offered.length);
            if (first) each.release(first);
            return first ? [first.order] : [];
          });

        const order = orderOf(scheduler);

        assert.equal(order.length, offered.length);
        assert.deepEqual(order, orderOf(fresh));
      }),
    );
  });

  it('keeps the limits of engine, run and module at every moment, and leaves nothing that could start', () => {
    verifies('R2.concurrency-limits', 'R2.maximum-parallel', 'R2.executor-loop');
    const limits = { running: 6, perRun: 4, perModule: 3 };
    const action = fc.oneof(
      fc.record({
        kind: fc.constant('offer'),
        run: fc.nat(2),
        module: fc.nat(2),
        priority: fc.integer({ min: 1, max: 10 }),
      }),
      fc.record({ kind: fc.constant('end'), which: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
        const scheduler = new Scheduler<Ready>(limits);
        const waiting = new Set<Ready>();
        const running: Ready[] = [];
        scheduler.limitRun('r0', 2);
        const count = (of: (each: Ready) => boolean) => running.filter(of).length;
        for (const [at, act] of actions.entries()) {
          if ('run' in act) {
            const offered = item({
              run: `r${act.run}`,
              module: `m${act.module}`,
              priority: act.priority,
              readyAt: at,
            });
            waiting.add(offered);
            scheduler.offer(offered);
          } else if (running.length > 0) {
            const [ended] = running.splice(act.which % running.length, 1);
            scheduler.release(ended as Ready);
          }
          for (const started of take(scheduler, at)) {
            waiting.delete(started);
            running.push(started);
            assert.ok(running.length <= limits.running);
            assert.ok(
              count(({ run }) => run === started.run) <= (started.run === 'r0' ? 2 : limits.perRun),
            );
            assert.ok(count(({ module }) => module === started.module) <= limits.perModule);
          }
          for (const each of waiting)
            assert.notEqual(scheduler.blocker(each), null, 'free capacity, and ready work waits');
          assert.equal(scheduler.waiting, waiting.size);
          assert.equal(scheduler.running, running.length);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('starts follow-ups before what people wait for, and that before the batch, whatever the priority', () => {
    const scheduler = new Scheduler<Ready>(unlimited);
    const classes: readonly ServiceClass[] = ['batch', 'interactive', 'follow_up'];
    for (const [index, service] of classes.entries())
      scheduler.offer(item({ service, priority: 10 - index }));

    assert.deepEqual(
      take(scheduler).map(({ service }) => service),
      ['follow_up', 'interactive', 'batch'],
    );
  });

  it('starts the highest band of priority and age first within a class', () => {
    verifies('R2.priority');
    const offers = fc.array(
      fc.record({
        priority: fc.integer({ min: 1, max: 10 }),
        module: fc.nat(1),
        run: fc.nat(1),
        readyAt: fc.nat(20 * ageStepMs),
      }),
      { minLength: 10, maxLength: 60 },
    );
    fc.assert(
      fc.property(offers, (wanted) => {
        const now = 20 * ageStepMs;
        const scheduler = new Scheduler<Ready>(unlimited);
        for (const each of wanted)
          scheduler.offer(item({ ...each, module: `m${each.module}`, run: `r${each.run}` }));

        const bands = take(scheduler, now).map((each) =>
          Math.floor(each.priority + (now - each.readyAt) / ageStepMs + 1e-9),
        );

        assert.equal(bands.length, wanted.length);
        for (let at = 1; at < bands.length; at += 1)
          assert.ok((bands[at - 1] as number) >= (bands[at] as number), `${bands}`);
      }),
    );
  });

  it('starts work of the lowest priority after at most ten steps of age, whatever keeps arriving', () => {
    verifies('R2.ageing');
    const scheduler = new Scheduler<Ready>({ ...unlimited, running: 1 });
    scheduler.offer(item({ module: 'patient', priority: 1 }));
    let startedAt: number | null = null;
    for (let now = 0; startedAt === null && now <= 30 * ageStepMs; now += ageStepMs / 4) {
      scheduler.offer(item({ module: 'eager', priority: 10, readyAt: now }));
      for (const started of take(scheduler, now)) {
        if (started.module === 'patient') startedAt = now;
        scheduler.release(started);
      }
    }

    assert.ok(startedAt !== null && startedAt <= 10 * ageStepMs, `${startedAt}`);
  });

  it('serves modules of one band equally, within 10 % over 1,000 starts', () => {
    verifies('R2.fairness');
    const scheduler = new Scheduler<Ready>({ ...unlimited, running: 10 });
    const served = new Map<string, number>();
    // One module offers ten times as much as the others; all have more than they get.
    for (let each = 0; each < 6_000; each += 1) scheduler.offer(item({ module: 'large' }));
    for (const module of ['b', 'c', 'd'])
      for (let each = 0; each < 600; each += 1)
        scheduler.offer(item({ module, run: `run-${module}` }));
    while ([...served.values()].reduce((a, b) => a + b, 0) < 1_000) {
      for (const started of take(scheduler)) {
        served.set(started.module, (served.get(started.module) ?? 0) + 1);
        scheduler.release(started);
        if ([...served.values()].reduce((a, b) => a + b, 0) >= 1_000) break;
      }
    }

    for (const module of ['large', 'b', 'c', 'd'])
      assert.ok(
        Math.abs((served.get(module) ?? 0) - 250) <= 25,
        `${module}: ${served.get(module)}`,
      );
  });

  it('gives a module that comes back no credit for the time it was away', () => {
    const scheduler = new Scheduler<Ready>({ ...unlimited, running: 1 });
    for (let each = 0; each < 100; each += 1) scheduler.offer(item({ module: 'a' }));
    for (let each = 0; each < 50; each += 1)
      for (const started of takeOne(scheduler)) scheduler.release(started);
    for (let each = 0; each < 50; each += 1) scheduler.offer(item({ module: 'late' }));

    const next = Array.from({ length: 20 }, () =>
      takeOne(scheduler).map((each) => {
        scheduler.release(each);
        return each.module;
      }),
    ).flat();

    assert.equal(next.filter((module) => module === 'a').length, 10);
  });

  it('passes over what is not admitted without holding back the rest', () => {
    verifies('R2.limit-aware');
    const scheduler = new Scheduler<Ready>(unlimited);
    scheduler.offer(item({ model: 'full', priority: 10 }));
    scheduler.offer(item({ model: 'full', priority: 9 }));
    const free = item({ model: 'free', priority: 1 });
    scheduler.offer(free);

    assert.deepEqual(
      take(scheduler, 0, ({ model }) => model !== 'full'),
      [free],
    );
    assert.equal(scheduler.waiting, 2);
    assert.equal(take(scheduler).length, 2);
  });

  it('gives up what is withdrawn, and forgets a run with all that waits for it', () => {
    const scheduler = new Scheduler<Ready>(unlimited);
    const kept = item({ run: 'r2' });
    const withdrawn = item({ run: 'r2', priority: 9 });
    for (const each of [kept, withdrawn, item({ run: 'r1' }), item({ run: 'r1', module: 'b' })])
      scheduler.offer(each);

    scheduler.withdraw((each) => each === withdrawn);
    scheduler.forget('r1');

    assert.deepEqual(take(scheduler), [kept]);
  });

  it('gives the same order for the same offers', () => {
    const offers = Array.from({ length: 200 }, (_, at) =>
      item({
        module: `m${at % 7}`,
        run: `r${at % 5}`,
        priority: 1 + ((at * 7) % 10),
        readyAt: (at * 977) % 90_000,
      }),
    );
    const trace = () => {
      const scheduler = new Scheduler<Ready>(unlimited);
      for (const each of offers) scheduler.offer(each);
      return take(scheduler, 90_000).map(({ order }) => order);
    };

    assert.deepEqual(trace(), trace());
  });
});

function takeOne(scheduler: Scheduler<Ready>): Ready[] {
  const started: Ready[] = [];
  scheduler.take(
    0,
    () => started.length === 0,
    (each) => started.push(each),
  );
  return started;
}
