import assert from 'node:assert/strict';
import { EngineError } from '../../../core/base/errors.ts';
import type { ModelRequest } from '../../../core/ports/models/model.ts';
import { type Script, ScriptedModel } from '../../../core/ports/models/scripted.ts';
import { verifies } from '../../support/verifies.ts';

const request: ModelRequest = {
  model: 'scripted',
  instructions: 'Do.',
  messages: [{ role: 'user', parts: [{ kind: 'text', text: 'hi' }] }],
  tools: [],
  output: { name: 'answer', schema: {} },
  maxOutputTokens: 10,
};
const signal = new AbortController().signal;

describe('ScriptedModel', () => {
  it('answers in order, then says that its script is exhausted', async () => {
    verifies('R4.scripted');
    const call = { kind: 'call', id: '1', name: 'a.b', args: {} } as const;
    const model = new ScriptedModel([[call], 'done', { stop: 'length', parts: [] }]);

    const stops = [];
    for (let turn = 0; turn < 3; turn++) stops.push((await model.call(request, { signal })).stop);

    assert.deepEqual(stops, ['tools', 'end', 'length']);
    await assert.rejects(model.call(request, { signal }), { code: 'MODEL_UNAVAILABLE' });
    assert.equal(model.calls.length, 4);
  });

  it('answers by the request when its script is a function, the same each time', async () => {
    const script: Script = ({ messages }, index) => `${index}:${JSON.stringify(messages)}`;

    const first = await new ScriptedModel(script).call(request, { signal });
    const second = await new ScriptedModel(script).call(request, { signal });

    assert.deepEqual(first, second);
  });

  it('keeps requests as they were when they came', async () => {
    const messages = [...request.messages];
    const model = new ScriptedModel(['ok']);

    await model.call({ ...request, messages }, { signal });
    messages.push({ role: 'assistant', parts: [] });

    assert.equal(model.calls[0]?.messages.length, 1);
  });

  it('throws the errors of its script, and the reason of an aborted signal', async () => {
    const model = new ScriptedModel([new EngineError('MODEL_RATE_LIMITED', 'wait')]);

    await assert.rejects(model.call(request, { signal }), { code: 'MODEL_RATE_LIMITED' });
    const reason = new EngineError('CANCELLED', 'stop');
    await assert.rejects(model.call(request, { signal: AbortSignal.abort(reason) }), reason);
  });

  it('streams its text to whoever watches', async () => {
    const deltas: string[] = [];

    await new ScriptedModel(['one']).call(request, {
      signal,
      onDelta: (text) => deltas.push(text),
    });

    assert.deepEqual(deltas, ['one']);
  });
});
