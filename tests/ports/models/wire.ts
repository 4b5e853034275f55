import assert from 'node:assert/strict';
import type { ModelDeadlines, ModelReply, ModelRequest } from '../../../core/ports/models/model.ts';
import { openModel } from '../../../core/ports/models/open.ts';
import { type FaultServer, startFaultServer, type WireScript } from '../../support/fault-server.ts';
import type { ServerReply } from '../../support/model-stream.ts';
import { aRequest, key, type providers } from './adapter.ts';

interface WireOptions extends ModelDeadlines {
  /** What the script finds as events. */
  readonly reply?: ServerReply;
  readonly request?: ModelRequest;
  readonly onDelta?: (text: string) => void;
  readonly onSent?: () => void;
}

/** One adapter and a bare socket that it calls; each call has its own server, closed after the test. */
export interface WireAdapter {
  readonly call: (script: WireScript, options?: WireOptions) => Promise<ModelReply>;
  /** The server of the last call. */
  readonly server: () => FaultServer;
}

/** Sets an adapter up for the tests of the `describe` that calls this. */
export function useWire(provider: (typeof providers)[number]): WireAdapter {
  let running: FaultServer[] = [];

  afterEach(async () => {
    await Promise.all(running.map((server) => server.close()));
    running = [];
  });

  return {
    async call(script, { reply, request = aRequest(), ...options } = {}) {
      const server = await startFaultServer(script, reply);
      running.push(server);
      const baseUrl = server.baseUrl(provider);
      const target = { provider, model: 'test-model', baseUrl, apiKeyEnv: 'TEST_KEY' };
      const { signal } = new AbortController();
      return await openModel(target, { TEST_KEY: key }).call(request, { signal, ...options });
    },
    server: () => running.at(-1) ?? assert.fail('no server was started'),
  };
}
