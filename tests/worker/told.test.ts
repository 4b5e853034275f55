import assert from 'node:assert/strict';
import { EngineError, toErrorData } from '../../core/base/errors.ts';
import { Scrubber } from '../../core/base/telemetry/scrub.ts';
import type { FromThread, Intent, Job } from '../../core/ports/dispatcher.ts';
import { Conversation } from '../../worker/thread/conversation.ts';
import { verifies } from '../support/verifies.ts';

const job = { ref: 1, tenantId: 1, runId: 'r', stepPath: 'ring', recorded: [] } as unknown as Job;

interface Circle {
  self?: Circle;
}
const circle: Circle = {};
circle.self = circle;

/** What nothing but this process can hold, and what of it can be told. */
const odd = { again: () => {}, most: 2n ** 60n, at: new Date(0), plain: [1, 'a', null] };
const told = {
  most: '1152921504606846976',
  at: '1970-01-01T00:00:00.000Z',
  plain: [1, 'a', null],
};

describe('what an agent leaves behind in its messages', () => {
  /** Sends as threads do, together with a neighbour's message. */
  function aTalk(env: Readonly<Record<string, string>> = {}) {
    const sent: FromThread[] = [];
    const post = (message: FromThread) => sent.push(message);
    return { talk: new Conversation(job, post, { scrubber: new Scrubber(env) }), sent };
  }

  it('can be sent and stored, whatever its tools answer, take and throw', () => {
    verifies('R8.isolation');
    const { talk, sent } = aTalk();

    void talk.end('a', 'applied', odd);
    void talk.end('b', 'applied', circle);
    void talk.begin({ key: 'c', tool: 't', args: odd } as unknown as Intent);
    const failed = { degraded: false, trust: 'system', kind: 'failed' } as const;
    const error = new EngineError('ERP_REJECTED', 'no', { details: { ...odd } });
    talk.done({ ...failed, error: toErrorData(error) });

    const [applied, round, intent, done] = structuredClone(sent);
    assert.deepEqual(applied?.kind === 'effected' && applied.outcome, told);
    assert.equal(round?.kind === 'effected' && round.outcome, null);
    assert.deepEqual(intent?.kind === 'intent' && JSON.parse(intent.intent.args), told);
    assert.deepEqual(done?.kind === 'done' && done.done, {
      ...failed,
      error: { code: 'ERP_REJECTED', message: 'no', details: told },
    });
    const around = new EngineError('ERP_REJECTED', 'no', { details: { circle } });
    assert.deepEqual(toErrorData(around), { code: 'ERP_REJECTED', message: 'no' });
  });

  it('is still JSON where a secret reads like a number of it, or like a part of a line', () => {
    verifies('R8.isolation', 'R12.secrets');
    const { talk, sent } = aTalk({ PIN_TOKEN: '20261123', LINE_TOKEN: 'new-line-1' });
    const told = { at: 20261123, in: 9202611230, of: 'the 20261123rd', text: 'a\new-line-1' };
    const clean = { ...told, of: 'the [redacted]rd', text: 'a\new-line-1' };

    talk.entry('turn.answered', {}, JSON.stringify(told));
    const done = { kind: 'succeeded', degraded: false, trust: 'system' } as const;
    talk.done({ ...done, output: JSON.stringify(told) });

    const [entry, end] = sent;
    const body = entry?.kind === 'entry' && entry.entry.body;
    const output = end?.kind === 'done' && end.done.kind === 'succeeded' && end.done.output;
    for (const json of [body, output]) assert.deepEqual(JSON.parse(String(json)), clean);
  });

  it('is no effect whose arguments hold themselves, or are nested without end: nobody could be asked about it', () => {
    verifies('R8.isolation');
    let nested: unknown = null;
    for (let level = 0; level < 101; level += 1) nested = [nested];
    for (const args of [circle, nested]) {
      const { talk, sent } = aTalk();

      const begin = () =>
        talk.begin({ key: 'a', tool: 'lab.bell.ring', args } as unknown as Intent);

      assert.throws(begin, { code: 'TOOL_INPUT_INVALID', message: /lab\.bell\.ring/ });
      assert.deepEqual(sent, []);
    }
  });

  it('is no call of an MCP server that passes more than one takes: nothing has left', async () => {
    verifies('R8.isolation');
    const { talk, sent } = aTalk();
    const call = { server: 's', tool: 't', args: { text: 'x'.repeat(4_000_000) } };

    const told = Promise.try(() => talk.mcp(call, new AbortController().signal));

    await assert.rejects(told, { code: 'RESULT_UNCLONABLE', details: { sent: false } });
    assert.deepEqual(sent, []);
  });
});
