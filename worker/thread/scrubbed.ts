import type { ErrorData } from '../../core/base/errors.ts';
import { toPlainData } from '../../core/base/plain-data.ts';
import type { Scrubber } from '../../core/base/telemetry/scrub.ts';
import type { FromThread } from '../../core/ports/dispatcher.ts';
import type { Model } from '../../core/ports/models/model.ts';

/**
 * A message of a thread without secrets, and without anything that could not be sent: with one of an agent those of its neighbours would be
 * lost. Words of errors lose all that looks like one, for nobody computes with them; data loses only what
 * is known to be one. An effect's arguments are what will be done: they are refused where they hold a secret, and not changed.
 */
export function scrubbed(message: FromThread, scrubber: Scrubber): FromThread {
  switch (message.kind) {
    case 'entry': {
      const { data, body, ...entry } = message.entry;
      const clean = { ...entry, data: scrubber.data(data) };
      const said = body === undefined ? {} : { body: scrubber.json(body) };
      return { ...message, entry: { ...clean, ...said } };
    }
    case 'finding':
      return { ...message, finding: scrubber.data(message.finding) };
    case 'permit':
      return message.failed
        ? {
            ...message,
            failed: { ...message.failed, error: cleanError(message.failed.error, scrubber) },
          }
        : message;
    case 'turn': {
      const { error } = message.done;
      return error
        ? { ...message, done: { ...message.done, error: cleanError(error, scrubber) } }
        : message;
    }
    case 'effected':
      return {
        ...message,
        outcome: scrubber.data(
          toPlainData(message.outcome),
          isError(message.outcome) ? 'text' : 'known',
        ),
      };
    case 'done': {
      const { done } = message;
      return done.kind === 'failed'
        ? { ...message, done: { ...done, error: cleanError(done.error, scrubber) } }
        : { ...message, done: { ...done, output: scrubber.json(done.output) } };
    }
    default:
      return message;
  }
}

/** A model whose replies hold no secret of this process, whoever has shown it one: what it calls, hands in and says follows from them. */
export function scrubbedModel(model: Model, scrubber: Scrubber): Model {
  return {
    provider: model.provider,
    ...(model.tellsSent !== undefined && { tellsSent: model.tellsSent }),
    async call(request, options) {
      const { onDelta } = options;
      const heard = onDelta
        ? { ...options, onDelta: (text: string) => onDelta(scrubber.known(text)) }
        : options;
      const reply = await model.call(request, heard);
      const parts = scrubber.data(reply.parts);
      return parts === reply.parts ? reply : { ...reply, parts };
    },
  };
}

function cleanError(error: ErrorData, scrubber: Scrubber): ErrorData {
  return scrubber.data(error, 'text');
}

function isError(outcome: unknown): boolean {
  const { code, message } = (outcome ?? {}) as {
    readonly code?: unknown;
    readonly message?: unknown;
  };
  return typeof code === 'string' && typeof message === 'string';
}
