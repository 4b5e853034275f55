import assert from 'node:assert/strict';
import { EngineError, type ErrorCode } from '../../core/base/errors.ts';
import type { FromThread } from '../../core/ports/dispatcher.ts';
import type { Message, Model } from '../../core/ports/models/model.ts';
import { ScriptedModel } from '../../core/ports/models/scripted.ts';
import { Findings } from '../../worker/thread/finding.ts';
import { answerCalls, callModel } from '../../worker/thread/turn.ts';
import { verifies } from '../support/verifies.ts';
import { aLooker, looking, StagedStep, tick } from './rehearse.ts';

const messages: readonly Message[] = [{ role: 'user', parts: [{ kind: 'text', text: 'Look.' }] }];

function failureOf(code: ErrorCode): EngineError {
  return new EngineError(code, 'It is not to be had now.');
}

/** One turn by a model, and what the engine hears of it. */
async function turnBy(model: Model): Promise<readonly FromThread[]> {
  const step = new StagedStep(aLooker(looking().look, null), { mode: 'model' });
  await callModel({ ...step.context, model: () => model }, messages, 1);
  return step.told;
}

describe('a turn', () => {
  it('counts its failures by their reason: a provider that is busy costs one that is away none of its tries', async () => {
    verifies('R6.backoff');
    const [busy, away] = [failureOf('MODEL_RATE_LIMITED'), failureOf('MODEL_UNAVAILABLE')];
    const told = await turnBy(new ScriptedModel([busy, busy, away, busy, away, 'Nothing.']));

    const asked = told.flatMap((each) =>
      each.kind === 'permit' && each.failed ? [[each.failed.error.code, each.failed.tries]] : [],
    );
    assert.deepEqual(asked, [
      [busy.code, 1],
      [busy.code, 2],
      [away.code, 1],
      [busy.code, 3],
      [away.code, 2],
    ]);
  });

  it('notes whose code goes on after its permit and after its answer, so that a thread that hangs can tell whose it was', async () => {
    verifies('R8.isolation');
    const seen: string[] = [];
    const scripted = new ScriptedModel(['Nothing.']);
    const model: Model = {
      provider: 'seen',
      async call(request, options) {
        seen.push('called');
        return await scripted.call(request, options);
      },
    };
    const mark = (): void => {
      seen.push('goes on');
    };
    const step = new StagedStep(aLooker(looking().look, null), { mode: 'model', mark });

    await callModel({ ...step.context, model: () => model }, messages, 1);

    assert.deepEqual(seen, ['goes on', 'called', 'goes on']);
  });

  it('says of each call that it leaves when its model says so, and only then', async () => {
    verifies('R6.sliding-window');
    const scripted = new ScriptedModel(['Nothing.']);
    const said: string[] = [];
    const model: Model = {
      provider: 'slow',
      tellsSent: true,
      async call(request, options) {
        await tick();
        said.push('connected');
        options.onSent?.();
        options.onSent?.();
        return await scripted.call(request, options);
      },
    };
    const step = new StagedStep(aLooker(looking().look, null), { mode: 'model' });
    const turn = callModel({ ...step.context, model: () => model }, messages, 1);
    const kinds = () => step.told.map(({ kind }) => kind);

    assert.deepEqual([said, kinds()], [[], ['permit']]);
    await turn;
    assert.deepEqual([said, kinds()], [['connected'], ['permit', 'sent', 'turn']]);
  });

  it('tells that nothing was sent of a call that failed before it left, and only of that', async () => {
    verifies('R7.orphan');
    const scripted = new ScriptedModel([
      failureOf('MODEL_UNAVAILABLE'),
      failureOf('MODEL_UNAVAILABLE'),
      'Nothing.',
    ]);
    let calls = 0;
    const told = await turnBy({
      provider: 'slow',
      tellsSent: true,
      async call(request, options) {
        calls += 1;
        // The first one finds nobody to connect to.
        if (calls > 1) options.onSent?.();
        return await scripted.call(request, options);
      },
    });

    const ends = told.flatMap((each) => (each.kind === 'turn' ? [each.done.sent] : []));
    assert.deepEqual(ends, [false, true, true]);
  });

  it('takes a call to leave at once where its model says nothing of it', async () => {
    const told = await turnBy(new ScriptedModel([failureOf('MODEL_UNAVAILABLE'), 'Nothing.']));

    assert.deepEqual(
      told.map(({ kind }) => kind),
      ['permit', 'sent', 'turn', 'permit', 'sent', 'turn'],
    );
  });

  it('is paid and not recorded where its reply is larger than any that a model gives', async () => {
    verifies('R8.isolation');
    const step = new StagedStep(aLooker(looking().look, null), { mode: 'model' });
    const model = new ScriptedModel(['x'.repeat(8_000_000)]);

    const turn = callModel({ ...step.context, model: () => model }, messages, 1);

    await assert.rejects(turn, {
      code: 'MODEL_REPLY_INVALID',
      message: /reply has 80000\d\d bytes/,
    });
    const [{ body, usage, error } = {}, ...more] = step.turns;
    assert.deepEqual([body, error?.code, more], [undefined, 'MODEL_REPLY_INVALID', []]);
    assert.ok(usage && usage.output > 0, JSON.stringify(usage));
  });

  it('tells and records no more of what its calls bring than a model reads', async () => {
    verifies('R8.isolation');
    const step = new StagedStep(aLooker(looking().look, null), { mode: 'model' });
    const calls = Array.from({ length: 6 }, (_, index) => {
      const args = { crate: String(index).repeat(3_000_000) };
      return { kind: 'call' as const, id: `call-${index}`, name: 'lab.crate.look', args };
    });

    const context = { ...step.context, model: () => new ScriptedModel([]) };
    const { results } = await answerCalls(context, { calls, turn: 1, found: new Findings() });

    const contents = results.map((each) => (each.kind === 'result' ? each.content : ''));
    for (const [index, content] of contents.entries())
      assert.match(
        content.slice(-60),
        index < 4 ? /\n\[cut: 200\d{4} more characters\]$/ : /cut: 30/,
      );
    const length = contents.reduce((sum, content) => sum + content.length, 0);
    assert.ok(length > 4_000_000 && length < 4_001_000, String(length));
    const [told] = step.told
      .flatMap((each) => (each.kind === 'entry' ? [each.entry] : []))
      .slice(-1);
    assert.ok(told?.kind === 'turn.answered' && (told.body?.length ?? 0) < 4_100_000);
  });
});
