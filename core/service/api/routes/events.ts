import type { Request, Response } from 'express';
import { Router } from 'express';
import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import { type EntryView, entriesPerRead } from '../../../engine/run/history.ts';
import type { CompleteParts } from '../parts.ts';
import { readQuery } from '../request.ts';
import { EventStream, type ServerEvent, Wake } from '../sse.ts';

/** Finds what no hint told: runs of another engine, and the first entry of a run. */
const pollMs = 1_000;
/** A busy run is flushed hundreds of times a second; a reader reads at most forty times. */
const pauseMs = 25;
/** Characters of what models say that wait for a slow reader. */
const largestDeltas = 65_536;
const eventsQuery = z.strictObject({ deltas: z.stringbool().default(false) });
/** Streams at once; each reads the database on its own. */
const largestStreams = 200;

/**
 * `/v1/runs/:id/events`: a run's journal as server-sent events, from its start or from what `Last-Event-ID` names. Ids are
 * the run's sequence numbers, which rise in commit order, so a reader that comes back misses nothing and sees nothing twice.
 * `?deltas=true` adds what models say while they say it, as events `delta` without an id: nothing of it is stored, so what a
 * reader misses is gone; the journal has what was said in the end. The stream ends after `run.ended`; a client that comes back for more then gets 204, which tells it to stay away.
 */
export function eventRoutes(parts: CompleteParts): Router {
  const { history, tenantId } = parts;
  const router = Router();
  let open = 0;

  router.get('/:id/events', async (request, response) => {
    const gone = goneSignal(request, response);
    const after = lastEventId(request);
    const { deltas: wantsDeltas } = readQuery(request, eventsQuery);
    const { id, endedAt } = await history.head(tenantId, request.params.id);
    if (endedAt && (await history.entries(tenantId, id, after)).length === 0) {
      response.status(204).end();
      return;
    }
    if (request.method === 'HEAD') {
      response.type('text/event-stream').end();
      return;
    }
    if (open >= largestStreams) {
      response.set('Retry-After', '10');
      throw new EngineError(
        'RATE_LIMITED',
        `${largestStreams} event streams are open; close some or come back in 10 s.`,
      );
    }
    open += 1;
    try {
      await follow(parts, response, { runId: id, after, gone, wantsDeltas });
    } finally {
      open -= 1;
    }
  });

  return router;
}

async function follow(
  parts: CompleteParts,
  response: Response,
  from: {
    readonly runId: string;
    readonly after: number;
    readonly gone: AbortSignal;
    readonly wantsDeltas: boolean;
  },
): Promise<void> {
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
  readonly runId: string;
  readonly after: number;
  readonly deltas: Deltas;
  readonly wake: Wake;
  readonly signal: AbortSignal;
}

/** Reads and sends until the run has ended or the client has gone. */
async function tell(
  { history, tenantId, clock }: CompleteParts,
  stream: EventStream,
  { runId, after, deltas, wake, signal }: Telling,
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
