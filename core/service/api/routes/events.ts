import type { Request, Response } from 'express';
import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import { type EntryView, entriesPerRead } from '../../../engine/history/history.ts';
import { type Guest, Places } from '../../places.ts';
import type { CompleteParts } from '../parts.ts';
import { defineRoute, nothing, type Route } from '../route.ts';
import { EventStream, type ServerEvent, Wake } from '../sse.ts';

/** Finds what no hint told: runs of another engine, and the first entry of a run. */
const pollMs = 1_000;
/** A busy run is flushed hundreds of times a second; a reader reads at most forty times. */
const pauseMs = 25;
/** Characters of what models say that wait for a slow reader. */
const largestDeltas = 65_536;
const eventsQuery = z.strictObject({
  deltas: z.stringbool().default(false).meta({
    description: 'Adds what models say while they say it, as events `delta` without an id.',
  }),
});
/** Streams at once; each reads the database on its own. */
const largestStreams = 200;

/**
 * `/v1/runs/:id/events`: a run's journal as server-sent events, from its start or from what `Last-Event-ID` names. Ids are
 * the run's sequence numbers, which rise in commit order, so a reader that comes back misses nothing and sees nothing twice.
 * `?deltas=true` adds what models say while they say it, as events `delta` without an id: nothing of it is stored, so what a
 * reader misses is gone; the journal has what was said in the end. The stream ends after `run.ended`; a client that comes back for more then gets 204, which tells it to stay away.
 * It ends sooner when whoever reads it is let in no more.
 */
export function eventRoutes(parts: CompleteParts): readonly Route[] {
  const { history } = parts;
  const places = new Places(largestStreams);

  return [
    defineRoute({
      method: 'get',
      path: '/v1/runs/:id/events',
      summary: 'Streams the journal of a run while it goes on.',
      description:
        'Server-sent events. The id of each is its sequence number; who comes back with it in the header `Last-Event-ID` misses nothing and sees nothing twice. The stream ends after `run.ended`; from then on the answer is 204.',
      permission: 'runs:read',
      query: eventsQuery,
      answers: { 200: { type: 'text/event-stream' }, 204: null },
      errors: ['RUN_UNKNOWN'],
      handle: async ({ tenantId, actor, params, query, principal, proof, request, response }) => {
        const gone = goneSignal(request, response);
        const after = lastEventId(request);
        const { id, endedAt } = await history.head(tenantId, params.id, principal);
        if (endedAt && (await history.entries(tenantId, id, after)).length === 0) return nothing;
        if (request.method === 'HEAD') return void response.type('text/event-stream').end();
        const leave = takePlace(places, { tenantId, caller: actor.id }, response);
        const watching = parts.identity?.watch.over({ tenantId, proof });
        try {
          const ends = watching ? AbortSignal.any([gone, watching.signal]) : gone;
          const from = { tenantId, runId: id, after, gone: ends, wantsDeltas: query.deltas };
          return await follow(parts, response, from);
        } finally {
          watching?.end();
          leave();
        }
      },
    }),
  ];
}

/** @throws RATE_LIMITED */
function takePlace(places: Places, guest: Guest, response: Response): () => void {
  response.set('Retry-After', '10');
  const leave = places.take(
    guest,
    'Too many event streams are open, in all or of yours; close some or come back in 10 s.',
  );
  response.removeHeader('Retry-After');
  return leave;
}

async function follow(
  parts: CompleteParts,
  response: Response,
  from: {
    readonly tenantId: number;
    readonly runId: string;
    readonly after: number;
    readonly gone: AbortSignal;
    readonly wantsDeltas: boolean;
  },
): Promise<undefined> {
  const { engine, clock, closing } = parts;
  const signal = AbortSignal.any([from.gone, closing]);
  const wake = new Wake();
  // Followed before the first read: what is written in between pokes.
  const unfollow = engine.onAppend((runIds) => {
    if (runIds.has(from.runId)) wake.poke();
  });
  const deltas = new Deltas();
  const unlisten = from.wantsDeltas
    ? engine.onDelta((delta) => {
        if (delta.runId !== from.runId) return;
        deltas.add(delta.step, delta.text);
        wake.poke();
      })
    : () => {};
  signal.addEventListener('abort', wake.poke, { once: true });
  const stream = new EventStream(response, { signal, clock });
  try {
    await tell(parts, stream, { ...from, deltas, wake, signal });
  } finally {
    unfollow();
    unlisten();
    stream.end();
  }
}

/** Aborted when the client is no longer there, even if it left before anybody listened. */
function goneSignal(request: Request, response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  if (request.socket.destroyed) gone.abort();
  return gone.signal;
}

interface Telling {
  readonly tenantId: number;
  readonly runId: string;
  readonly after: number;
  readonly deltas: Deltas;
  readonly wake: Wake;
  readonly signal: AbortSignal;
}

/** Reads and sends until the run has ended or the client has gone. */
async function tell(
  { history, clock }: CompleteParts,
  stream: EventStream,
  { tenantId, runId, after, deltas, wake, signal }: Telling,
): Promise<void> {
  let seq = after;
  let hasEnded = false;
  while (!signal.aborted) {
    const entries = await history.entries(tenantId, runId, seq);
    await stream.send([...deltas.take(), ...entries.map(eventOf)]);
    const last = entries.at(-1);
    if (last?.kind === 'run.ended') return;
    seq = last?.seq ?? seq;
    if (entries.length === entriesPerRead) continue;
    if (last) await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
    // Nothing more although it has ended: what was asked for lies beyond its end.
    else if (hasEnded) return;
    else if ((await history.head(tenantId, runId)).endedAt) {
      hasEnded = true;
      continue;
    }
    if (!signal.aborted) await wake.next(clock, pollMs);
  }
}

/** What models have said since the last time; what nobody takes in time is dropped. */
class Deltas {
  #byStep = new Map<string, string>();
  #size = 0;

  add(step: string, text: string): void {
    if (this.#size + text.length > largestDeltas) return;
    this.#size += text.length;
    this.#byStep.set(step, (this.#byStep.get(step) ?? '') + text);
  }

  take(): readonly ServerEvent[] {
    const said = [...this.#byStep];
    this.#byStep = new Map();
    this.#size = 0;
    return said.map(([step, text]) => ({ name: 'delta', data: JSON.stringify({ step, text }) }));
  }
}

function eventOf({ seq, step, at, kind, data }: EntryView): ServerEvent {
  return { id: seq, name: kind, data: JSON.stringify({ seq, step, at, kind, data }) };
}

/** @throws INPUT_INVALID */
function lastEventId(request: Request): number {
  const header = request.get('Last-Event-ID') ?? '0';
  if (/^\d{1,15}$/.test(header)) return Number(header);
  throw new EngineError(
    'INPUT_INVALID',
    'The header Last-Event-ID must be the id of an event of this stream, a whole number.',
  );
}
