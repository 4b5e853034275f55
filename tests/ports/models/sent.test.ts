import assert from 'node:assert/strict';
import { openModel } from '../../../core/ports/models/open.ts';
import { verifies } from '../../support/verifies.ts';
import { aRequest, key, providers } from './adapter.ts';
import { useWire } from './wire.ts';

for (const provider of providers) {
  describe(`the moment at which a call of the ${provider} adapter leaves`, () => {
    const { call } = useWire(provider);

    it('is told once, before the provider has it', async () => {
      verifies('R6.sliding-window');
      let leavings = 0;
      let seenAfter = -1;
      const onSent = (): void => {
        leavings += 1;
      };

      await call(
        (wire) => {
          seenAfter = leavings;
          wire.head();
          for (const event of wire.events) wire.chunk(event);
          wire.end();
        },
        { onSent },
      );

      assert.deepEqual([seenAfter, leavings], [1, 1]);
    });

    it('never comes where nobody listens', async () => {
      let leavings = 0;
      const target = { provider, model: 'test-model', apiKeyEnv: 'TEST_KEY' };
      // Port 9 discards; nothing of ours opens it.
      const model = openModel({ ...target, baseUrl: 'http://127.0.0.1:9' }, { TEST_KEY: key });
      const onSent = (): void => {
        leavings += 1;
      };

      const { signal } = new AbortController();
      await assert.rejects(model.call(aRequest(), { signal, onSent }), {
        code: 'MODEL_UNAVAILABLE',
      });

      assert.deepEqual([model.tellsSent, leavings], [true, 0]);
    });
  });
}
