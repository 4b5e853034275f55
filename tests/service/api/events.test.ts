import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Response as ExpressResponse } from 'express';
import { systemClock } from '../../../core/base/clock.ts';
import { entriesPerRead } from '../../../core/engine/history/history.ts';
import type { Delta } from '../../../core/engine/loop/attempts.ts';
import type { ApiParts } from '../../../core/service/api/app.ts';
import { EventStream } from '../../../core/service/api/sse.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { eventsOf, openApi, problem, type SeenEvent, type TestApi } from './api.ts';

describe('/v1/runs/:id/events', () => {
  let api: TestApi;
  let followers = 0;
  const listeners = new Set<(delta: Delta) => void>();

  before(async () => {
    api = await openApi(({ engine }) => ({
      engine: {
        startRun: (request) => engine.startRun(request),
        retryRun: (request) => engine.retryRun(request),
        ask: (asked) => engine.ask(asked),
        explain: (asked) => engine.explain(asked),
        get trouble() {
          return engine.trouble;
        },
        onAppend(follower) {
          followers += 1;
          const unfollow = engine.onAppend(follower);
          return () => {
            followers -= 1;
            unfollow();
          };
        },
        onDelta(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      },
    }));
  });
  after(async function () {
    await api.close(this);
  });

  const open = (id: string, lastEventId?: number) =>
    api.get(
      `/v1/runs/${id}/events`,
      lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) },
    );
  const all = async (response: Response): Promise<readonly SeenEvent[]> => {
    const events: SeenEvent[] = [];
    for await (const event of eventsOf(response)) events.push(event);
    return events;
  };
  const chorus = async (values: readonly string[]) =>
    (await api.tutti.run('chorus', { tenantId: api.tenantId, input: { values } })).id;
  const stored = (id: string) => api.tutti.history.entries(api.tenantId, id, 0);

  it('tells a late reader everything, in order, and ends', async () => {
    verifies('R9.events', 'R10.logs', 'R9.event-kinds');
    const id = await chorus(['a', 'b']);

    const events = await all(await open(id));

    const entries = await stored(id);
    assert.deepEqual(
      events.map((event) => event.id),
      entries.map((entry) => entry.seq),
    );
    assert.deepEqual(
      events.map((event) => event.event),
      entries.map((entry) => entry.kind),
    );
    assert.deepEqual(
      events.map((event) => event.data),
      entries.map(({ seq, step, at, kind, data }) => ({
        seq,
        step,
        at: at.toISOString(),
        kind,
        data,
      })),
    );
    assert.equal(events.at(-1)?.event, 'run.ended');
  });

  it('goes on after the last event that a reader had, exactly', async () => {
    verifies('R9.events', 'R10.logs');
    const id = await chorus(['c', 'd', 'e']);
    const events = await all(await open(id));

    for (const seen of [1, 5, events.length - 1]) {
      assert.deepEqual(await all(await open(id, seen)), events.slice(seen));
    }
  });

  it('sends a reader of a whole run away for good', async () => {
    const id = await chorus(['f']);
    const { length } = await stored(id);

    for (const seen of [length, length + 1_000]) {
      const response = await open(id, seen);
      assert.deepEqual([response.status, await response.text()], [204, '']);
    }
  });

  it('tells a run as it happens, over more reads than one', async () => {
    verifies('R9.events', 'R10.logs');
    const id = await api.start('pause');
    const events: SeenEvent[] = [];
    let isCancelled = false;
    for await (const event of eventsOf(await open(id))) {
      events.push(event);
      const holds = events.filter(({ event: kind }) => kind === 'step.started').length === 2;
      // The run cannot end before it is told to: what has come by now came while it ran.
      if (!holds || isCancelled) continue;
      isCancelled = true;
      await api.post(`/v1/runs/${id}/cancel`);
    }

    assert.ok(isCancelled);
    assert.deepEqual(
      events.map((event) => event.id),
      (await stored(id)).map((entry) => entry.seq),
    );
    assert.equal(events.at(-1)?.event, 'run.ended');
    await eventually(() => followers === 0);
  });

  it('tells what models say to who asks for it, without an id, and nobody else', async () => {
    verifies('R4.streaming', 'R9.event-kinds');
    const id = await api.start('pause');
    const listening = all(await api.get(`/v1/runs/${id}/events?deltas=true`));
    const quiet = all(await open(id));
    await eventually(() => listeners.size === 1 && followers === 2);
    const other = { runId: 'another', step: 'say', text: 'not yours' };
    for (const text of ['three ', 'words'])
      for (const listener of listeners) {
        listener({ runId: id, step: 'say', text });
        listener(other);
      }
    await api.post(`/v1/runs/${id}/cancel`);

    const [heard, unheard] = await Promise.all([listening, quiet]);

    const deltas = heard.filter(({ event }) => event === 'delta');
    assert.deepEqual(
      deltas.map(({ id, data }) => [Number.isNaN(id), data]),
      [[true, { step: 'say', text: 'three words' }]],
    );
    assert.deepEqual(
      heard.filter(({ event }) => event !== 'delta').map(({ id }) => id),
      unheard.map(({ id }) => id),
    );
    assert.ok(unheard.every(({ event }) => event !== 'delta'));
    assert.equal(listeners.size, 0);
  });

  it('tells what happens by hints alone, and without any', async () => {
    const hinted: Partial<ApiParts> = {
      clock: {
        ...systemClock,
        after: (delayMs, run) => (delayMs < 1_000 ? systemClock.after(delayMs, run) : () => {}),
      },
    };
    const unhinted = ({ engine }: ApiParts): Partial<ApiParts> => ({
      engine: {
        trouble: null,
        startRun: (request) => engine.startRun(request),
        retryRun: (request) => engine.retryRun(request),
        ask: (asked) => engine.ask(asked),
        explain: (asked) => engine.explain(asked),
        onAppend: () => () => {},
        onDelta: () => () => {},
      },
    });
    for (const change of [() => hinted, unhinted]) {
      const other = await openApi(change);
      try {
        const id = await other.start('pause');
        const reading = all(await other.get(`/v1/runs/${id}/events`));
        await other.post(`/v1/runs/${id}/cancel`);

        const events = await reading;

        assert.equal(events.at(-1)?.event, 'run.ended');
        assert.deepEqual(
          events.map((event) => event.id),
          events.map((_, index) => index + 1),
        );
      } finally {
        await other.close();
      }
    }
  });

  it('tells every reader of a busy run all of it', async () => {
    verifies('R9.concurrent-access');
    const values = Array.from({ length: 150 }, (_, index) => `v${index}`);
    const id = await api.start('chorus', { values });

    const readers = await Promise.all(Array.from({ length: 5 }, async () => all(await open(id))));

    const last = readers[0]?.length ?? 0;
    assert.ok(last > entriesPerRead, `${last} events are no more than one read`);
    assert.equal(readers[0]?.at(-1)?.event, 'run.ended');
    for (const events of readers) {
      assert.deepEqual(
        events.map((event) => event.id),
        Array.from({ length: last }, (_, index) => index + 1),
      );
    }
  });

  it('stops everything when the reader leaves', async () => {
    const id = await api.start('pause');
    const leaving = new AbortController();
    const response = await fetch(`${api.server.url}/v1/runs/${id}/events`, {
      signal: leaving.signal,
    });
    const { value: first } = await eventsOf(response).next();
    assert.equal(first?.event, 'run.created');
    assert.equal(followers, 1);

    leaving.abort();

    await eventually(() => followers === 0);
    await api.post(`/v1/runs/${id}/cancel`);
    assert.deepEqual(api.errors, []);
  });

  it('lets a reader that asks for what cannot come wait until the run has ended, no longer', async () => {
    const id = await api.start('pause');
    const response = await open(id, 999_999);
    await api.post(`/v1/runs/${id}/cancel`);

    assert.deepEqual(await all(response), []);
  });

  it('refuses a Last-Event-ID that is none', async () => {
    const id = await chorus(['g']);
    for (const value of ['x', '-1', '1.5', '1'.repeat(30)]) {
      await problem(
        await api.get(`/v1/runs/${id}/events`, { 'last-event-id': value }),
        400,
        'INPUT_INVALID',
      );
    }
  });

  it('ends its streams when the server closes', async () => {
    const second = await openApi();
    try {
      const id = await second.start('pause');
      const response = await second.get(`/v1/runs/${id}/events`);
      const reading = all(response);

      await second.server.close();

      assert.ok((await reading).every((event) => event.event !== 'run.ended'));
    } finally {
      await second.close();
    }
  });
});

describe('EventStream', () => {
  it('sends no more than its reader takes', async () => {
    const chunk = { id: 1, name: 'x', data: 'x'.repeat(1_048_576) };
    const most = 64;
    let sent = 0;
    let writing: ServerResponse | undefined;
    const server = createServer(async (_request, response) => {
      writing = response;
      const stream = new EventStream(response as ExpressResponse, {
        signal: new AbortController().signal,
        clock: systemClock,
      });
      for (; sent < most; sent += 1) await stream.send([chunk]);
      stream.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const request = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
      const [reader] = (await once(request, 'response')) as [IncomingMessage];
      await eventually(() => writing?.writableNeedDrain === true);
      const buffered = writing?.writableLength ?? 0;

      assert.ok(sent < most);
      assert.ok(buffered < 2 * chunk.data.length, `${buffered} bytes wait in memory`);
      let received = 0;
      for await (const part of reader) received += (part as Buffer).length;
      assert.equal(sent, most);
      assert.ok(received > most * chunk.data.length);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('gives up on a reader that has gone', async () => {
    const gone = new AbortController();
    let hasGivenUp = false;
    const server = createServer(async (_request, response) => {
      response.once('close', () => gone.abort());
      const stream = new EventStream(response as ExpressResponse, {
        signal: gone.signal,
        clock: systemClock,
      });
      while (!gone.signal.aborted)
        await stream.send([{ id: 1, name: 'x', data: 'x'.repeat(1_048_576) }]);
      stream.end();
      hasGivenUp = true;
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const request = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
      await once(request, 'response');

      request.destroy();

      await eventually(() => hasGivenUp);
    } finally {
      server.close();
    }
  });
});
