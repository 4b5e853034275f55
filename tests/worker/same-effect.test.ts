import assert from 'node:assert/strict';
import { defineTool, z } from 'tutti';
import { invoke } from '../../core/guard/invoke.ts';
import type { EffectRecord, FromThread, Job } from '../../core/ports/dispatcher.ts';
import { Conversation } from '../../worker/thread/conversation.ts';
import { aScope } from '../guard/lab.ts';
import { verifies } from '../support/verifies.ts';
import { tick } from './rehearse.ts';

const job = { ref: 1, tenantId: 1, runId: 'r', stepPath: 'ring', recorded: [] } as unknown as Job;

/** A conversation with an engine that keeps effects by key and answers as soon as the next turn of the event loop. */
function aTalk(): Conversation {
  const effects = new Map<string, EffectRecord>();
  const talk = new Conversation(job, (message) => setImmediate(() => hear(message)));
  const hear = (message: FromThread): void => {
    if (message.kind === 'intent') {
      const { key, argsSha256, state } = message.intent;
      const known = effects.get(key) ?? null;
      if (!known) effects.set(key, { state, argsSha256, outcome: null });
      const clearUntilMs = Number.POSITIVE_INFINITY;
      talk.hear({ kind: 'begun', ref: 1, key, known, clearUntilMs });
    }
    if (message.kind === 'effected') {
      const { key, state, outcome } = message;
      effects.set(key, { ...(effects.get(key) as EffectRecord), state, outcome });
      talk.hear({ kind: 'ended', ref: 1, key });
    }
  };
  return talk;
}

function aBell() {
  const rung: number[] = [];
  const ring = defineTool({
    name: 'lab.bell.ring',
    description: 'Rings.',
    effect: 'send',
    parameters: z.object({ bell: z.string(), times: z.int() }),
    result: z.object({ times: z.int() }),
    key: ({ bell }) => [bell],
    undo: { none: 'it has rung' },
  }).handler(async ({ times }) => {
    await tick();
    rung.push(times);
    return { times };
  });
  return { ring, rung };
}

describe('calls of one step that are one effect', () => {
  for (const act of [true, false]) {
    it(`are all answered when they are made at once, ${act ? 'done' : 'proposed'} once`, async () => {
      verifies('R3.playbook');
      const { ring, rung } = aBell();
      const talk = aTalk();
      const scope = { ...aScope([ring], { act }).scope, recorder: talk, signal: talk.signal };

      const calls = [1, 1, 2].map((times) => invoke(ring, { bell: 'a', times }, scope));
      const answers = await Promise.all([...calls, invoke(ring, { bell: 'b', times: 3 }, scope)]);

      const kinds = answers.map((each) => each.kind === 'effected' && each.value.kind);
      const once = act ? ['applied', 'replayed', 'replayed', 'applied'] : Array(4).fill('proposed');
      assert.deepEqual(kinds, once);
      assert.deepEqual(rung, act ? [1, 3] : []);
    });
  }
});
