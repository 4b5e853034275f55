import assert from 'node:assert/strict';
import { EngineError } from '../../core/base/errors.ts';
import { ScriptedModel } from '../../core/ports/models/scripted.ts';
import { simulateTurn } from '../../core/ports/models/simulated.ts';
import { runAgent } from '../../worker/thread/agent.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fixtures/clock.ts';
import { verifies } from '../support/verifies.ts';
import { aLooker, type Book, looking, StagedStep, tick } from './rehearse.ts';

const overBudget = new EngineError('BUDGET_EXCEEDED', 'The budget is spent.');
const wet = {
  kind: 'crate.wet',
  severity: 'low',
  records: [{ entity: 'crate', id: 'c0' }],
  summary: 'Crate "A1" is wet.',
} as const;

/** Looks at these one after the other. */
const oneByOne =
  (...crates: readonly string[]): Book =>
  async ({ tools }) => {
    for (const crate of crates) await tools.look({ crate });
    return { seen: crates.length };
  };

/** Playbooks, the turns that they take, and their calls in order. */
const playbooks: Readonly<Record<string, readonly [Book, string, string]>> = {
  'without a call': [async () => ({ seen: 0 }), 'end', ''],
  'with calls one after the other': [oneByOne('a', 'b', 'c'), 'tools tools tools end', 'a b c'],
  'with calls side by side': [
    async ({ tools }) => {
      await Promise.all(['a', 'b', 'c'].map((crate) => tools.look({ crate })));
      return { seen: 3 };
    },
    'tools end',
    'a b c',
  ],
  'with branches that are of different lengths': [
    async ({ tools }) => {
      const branch = async (...crates: readonly string[]): Promise<void> => {
        for (const crate of crates) {
          await tools.look({ crate });
          await null;
        }
      };
      await Promise.all([branch('a', 'c', 'e'), branch('b', 'd'), Promise.resolve()]);
      await tools.look({ crate: 'f' });
      return { seen: 6 };
    },
    'tools tools tools tools end',
    'a b c d e f',
  ],
  'with calls that fail': [
    async ({ tools }) => {
      const looked = await Promise.allSettled(['lost', 'a'].map((crate) => tools.look({ crate })));
      await tools.look({ crate: 'b' }).catch(() => {});
      return { seen: looked.length + 1 };
    },
    'tools tools end',
    'lost a b',
  ],
  'with calls that are begun while others are under way': [
    async ({ tools }) => {
      const slow = tools.look({ crate: 'slow' });
      for (let ticks = 0; ticks < 5; ticks += 1) await tick();
      const meanwhile = tools.look({ crate: 'a' });
      await slow;
      for (let hops = 0; hops < 10; hops += 1) await null;
      await Promise.all([meanwhile, tools.look({ crate: 'b' })]);
      return { seen: 3 };
    },
    'tools tools end',
    'slow a b',
  ],
  'with a call that nobody waits for': [
    async ({ tools }) => {
      tools.look({ crate: 'a' }).then(() => tools.look({ crate: 'b' }));
      return { seen: 2 };
    },
    'tools tools end',
    'a b',
  ],
  'with more rounds than its agent has turns': [
    oneByOne('a', 'b', 'c', 'd'),
    'tools tools tools tools end',
    'a b c d',
  ],
};

describe('a rehearsal', () => {
  for (const [what, [playbook, stops, order]] of Object.entries(playbooks)) {
    it(`holds a turn for each round of calls and one that hands in: ${what}`, async () => {
      const { look, seen } = looking();
      const step = new StagedStep(aLooker(look, playbook, { turns: 3 }));

      const { output, degraded } = await step.rehearse();

      const { turns } = step;
      assert.equal(stopsOf(step), stops);
      assert.deepEqual(
        turns.map(({ turn }) => turn),
        turns.map((_, index) => index + 1),
      );
      assert.equal(seen.join(' '), order);
      assert.deepEqual([output, degraded], [JSON.stringify({ seen: seen.length }), false]);
      assert.equal(step.permits.length, turns.length);
      assert.ok(turns.every((turn) => turn.simulated && turn.sent && turn.body === undefined));
    });
  }

  it('asks for each turn with the bytes that the conversation of a model has', async () => {
    const { look } = looking();
    const agent = aLooker(look, async ({ tools, finding }) => {
      await Promise.all([tools.look({ crate: 'a' }), tools.look({ crate: 'ö' })]);
      finding({ ...wet, evidence: { litres: 3 } });
      await tools.look({ crate: 'lost' }).catch(() => {});
      return { seen: 2 };
    });
    const call = (id: number, name: string, args: unknown) =>
      ({ kind: 'call', id: `call-${id}`, name, args }) as const;
    const { summary, ...rest } = wet;
    const report = { ...rest, company: null, amount: null, currency: null, summary };
    const model = new ScriptedModel([
      [call(1, look.name, { crate: 'a' }), call(2, look.name, { crate: 'ö' })],
      [call(3, 'finding.report', report), call(4, look.name, { crate: 'lost' })],
      '{"seen":2}',
    ]);
    const real = new StagedStep(agent, { mode: 'model' });
    const rehearsed = new StagedStep(agent);

    const done = await runAgent({ ...real.context, model: () => model });
    await rehearsed.rehearse();

    assert.equal(done.kind, 'succeeded', JSON.stringify(done));
    assert.equal(rehearsed.permits.length, 3);
    assert.deepEqual(rehearsed.permits, real.permits);
  });

  it('counts the tokens of those bytes, of what the turns say, and of what was sent before', async () => {
    const { look } = looking();
    const agent = aLooker(look, async ({ tools, finding }) => {
      await tools.look({ crate: 'a' });
      finding(wet);
      return { seen: 1 };
    });
    const first = new StagedStep(agent);
    const second = new StagedStep(agent);

    await Promise.all([first.rehearse(), second.rehearse()]);

    const [opening = 0, grown = 0] = first.permits;
    const asked = [{ kind: 'call', id: 'call-1', name: look.name, args: { crate: 'a' } }];
    const { summary, ...rest } = wet;
    const args = { ...rest, company: null, amount: null, currency: null, summary };
    const reported = [{ kind: 'call', id: 'call-2', name: 'finding.report', args }];
    const expected = [
      simulateTurn({
        inputBytes: opening,
        outputBytes: Buffer.byteLength(JSON.stringify(asked)),
        profile: 'fast',
      }),
      simulateTurn({
        inputBytes: grown,
        cachedBytes: opening,
        outputBytes: Buffer.byteLength(`${JSON.stringify(reported)}{"seen":1}`),
        profile: 'fast',
      }),
    ];
    assert.deepEqual(
      first.turns.map(({ usage, durationMs }) => ({ usage, latencyMs: durationMs })),
      expected,
    );
    assert.ok((first.turns[1]?.usage?.cachedInput ?? 0) > 0);
    assert.deepEqual(second.turns, first.turns);
    assert.deepEqual(first.findings, [wet]);
  });

  it('sends each turn where its permit says, and finds nothing in the cache of another model', async () => {
    const { look } = looking();
    const agent = aLooker(look, oneByOne('a', 'b', 'c'));
    const step = new StagedStep(agent, { target: (index) => (index < 2 ? index : 1) });

    await step.rehearse();

    assert.deepEqual(
      step.turns.map(({ model, usage }) => [model, (usage?.cachedInput ?? 0) > 0]),
      [
        ['scripted', false],
        ['second', false],
        ['second', true],
        ['second', true],
      ],
    );
  });

  it('lets each turn take its time where it is to', async () => {
    const clock = new FakeClock();
    const { look, seen } = looking();
    const step = new StagedStep(aLooker(look, oneByOne('a')), { clock });
    const ended = step.rehearse();
    const told: unknown[] = [];

    for (const turn of [1, 2]) {
      const latencyMs = await thinking(step, turn);
      clock.pass(latencyMs - 1);
      await tick();
      await tick();
      told.push([step.turns.length, seen.length]);
      clock.pass(1);
      await eventually(() => step.turns.length === turn);
    }

    assert.deepEqual(told, [
      [0, 0],
      [1, 1],
    ]);
    assert.equal((await ended).output, '{"seen":1}');
    assert.equal(
      clock.now() - new FakeClock().now(),
      step.turns.reduce((sum, { durationMs }) => sum + durationMs, 0),
    );
  });

  it('ends with the reason when it is cancelled while a turn takes its time', async () => {
    const clock = new FakeClock();
    const { look, seen } = looking();
    const catching: Book = async (context) => {
      await oneByOne('a')(context).catch(() => {});
      await context.tools.look({ crate: 'b' }).catch(() => {});
      return { seen: 0 };
    };
    const step = new StagedStep(aLooker(look, catching), { clock });
    const ended = step.rehearse();
    await thinking(step, 1);

    step.talk.cancel(new EngineError('CANCELLED', 'The run was cancelled.'));

    await assert.rejects(ended, { code: 'CANCELLED' });
    const [turn, ...others] = step.turns;
    assert.deepEqual(
      [turn?.usage, turn?.stop, turn?.sent, turn?.error?.code],
      [null, 'error', true, 'CANCELLED'],
    );
    clock.pass(3_600_000);
    await tick();
    assert.deepEqual([others.length, step.turns.length, seen.length], [0, 1, 0]);
  });

  for (const denied of [1, 2, 3]) {
    it(`goes on without turns, degraded, when the money is out for turn ${denied} of 3`, async () => {
      verifies('R7.on-budget');
      const { look, seen } = looking();
      const deny = (index: number) => (index === denied - 1 ? overBudget : null);
      const step = new StagedStep(aLooker(look, oneByOne('a', 'b')), { deny });

      const ended = await step.rehearse();

      assert.deepEqual(ended, { output: '{"seen":2}', degraded: true });
      assert.deepEqual(seen, ['a', 'b']);
      assert.deepEqual([step.turns.length, step.permits.length], [denied - 1, denied]);
      assert.deepEqual(step.entries('playbook.started'), [{ reason: 'BUDGET_EXCEEDED' }]);
    });

    it(`fails when the money is out for turn ${denied} of 3 of an agent that says so`, async () => {
      verifies('R7.on-budget');
      const { look, seen } = looking();
      const deny = (index: number) => (index === denied - 1 ? overBudget : null);
      const catching: Book = async (context) => {
        await oneByOne('a', 'b')(context).catch(() => {});
        await context.tools.look({ crate: 'c' }).catch(() => {});
        return { seen: 0 };
      };
      const agent = aLooker(look, denied < 3 ? catching : oneByOne('a', 'b'), { onBudget: 'fail' });
      const step = new StagedStep(agent, { deny });

      await assert.rejects(step.rehearse(), { code: 'BUDGET_EXCEEDED' });

      assert.deepEqual(seen, ['a', 'b'].slice(0, denied - 1));
      assert.equal(step.turns.length, denied - 1);
    });
  }

  it('does not ask for the first turn where that is permitted already', async () => {
    const { look } = looking();
    const step = new StagedStep(aLooker(look, oneByOne('a')), { permitted: true });

    await step.rehearse();

    assert.deepEqual([stopsOf(step), step.permits.length], ['tools end', 1]);
  });

  const broken: Book = async () => {
    throw new EngineError('AGENT_FAILED', 'It cannot be done.');
  };
  for (const { what, playbook, code } of [
    { what: 'an agent without a playbook', playbook: null, code: 'MODEL_REQUIRED' },
    {
      what: 'a playbook that calls nothing before it fails',
      playbook: broken,
      code: 'AGENT_FAILED',
    },
  ]) {
    it(`fails with ${what} as without a rehearsal, and gives its permission back`, async () => {
      const { look } = looking();
      const step = new StagedStep(aLooker(look, playbook), { permitted: true });

      await assert.rejects(step.rehearse(), { code });

      const [turn] = step.turns;
      assert.deepEqual(
        [step.turns.length, turn?.sent, turn?.usage, turn?.error?.code],
        [1, false, null, code],
      );
    });
  }

  it('keeps what was paid when its playbook fails between two turns', async () => {
    const { look } = looking();
    const step = new StagedStep(aLooker(look, oneByOne('lost', 'a')), { permitted: true });

    await assert.rejects(step.rehearse(), { code: 'RECORD_UNKNOWN' });

    assert.equal(stopsOf(step), 'tools');
  });
});

function stopsOf(step: StagedStep): string {
  return step.turns.map(({ stop }) => stop).join(' ');
}

/** Waits until this turn has begun to take its time; returns how long that is, from its size and what it says. */
async function thinking(step: StagedStep, turn: number): Promise<number> {
  const inputBytes = await eventually(() => step.permits[turn - 1]);
  await tick();
  const call = [{ kind: 'call', id: 'call-1', name: 'lab.crate.look', args: { crate: 'a' } }];
  const said = turn === 1 ? JSON.stringify(call) : '{"seen":1}';
  return simulateTurn({ inputBytes, outputBytes: said.length, profile: 'fast' }).latencyMs;
}
