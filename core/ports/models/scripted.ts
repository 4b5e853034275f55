import { EngineError, isEngineError } from '../../base/errors.ts';
import { toCancellation } from './call-watch.ts';
import type { Model, ModelReply, ModelRequest, Part, Usage } from './model.ts';

/** One scripted reply: its parts, a whole reply, or an error to throw. A string is one text part. */
export type ScriptedReply = string | readonly Part[] | Partial<ModelReply> | EngineError;

/** Replies in order, or a function of the request and its number (from 0); undefined = the script is exhausted. */
export type Script =
  | readonly ScriptedReply[]
  | ((request: ModelRequest, index: number) => ScriptedReply | undefined);

/** A deterministic model for tests: it answers by its script and keeps every request that it got. */
export class ScriptedModel implements Model {
  readonly provider = 'scripted';
  readonly #script: Script;
  readonly #calls: ModelRequest[] = [];

  constructor(script: Script) {
    this.#script = script;
  }

  /** The requests so far, copied when they came, in order. */
  get calls(): readonly ModelRequest[] {
    return this.#calls;
  }

  /** @throws MODEL_UNAVAILABLE when the script is exhausted; what the script says; the reason of an aborted signal */
  async call(request: ModelRequest, options: Parameters<Model['call']>[1]): Promise<ModelReply> {
    if (options.signal.aborted) throw toCancellation(options.signal.reason);
    const index = this.#calls.push(structuredClone(request)) - 1;
    const script = this.#script;
    const scripted = typeof script === 'function' ? script(request, index) : script[index];
    if (scripted === undefined) {
      throw new EngineError(
        'MODEL_UNAVAILABLE',
        `The script is exhausted: it has no reply for call ${index + 1}; add one, or make fewer calls.`,
      );
    }
    if (isEngineError(scripted)) throw scripted;
    const reply = toReply(scripted as Exclude<ScriptedReply, EngineError>, request, index);
    for (const part of reply.parts) if (part.kind === 'text') options.onDelta?.(part.text);
    return reply;
  }
}

function toReply(
  scripted: Exclude<ScriptedReply, EngineError>,
  request: ModelRequest,
  index: number,
): ModelReply {
  const given = isParts(scripted)
    ? { parts: scripted }
    : typeof scripted === 'string'
      ? { parts: [{ kind: 'text', text: scripted }] as const }
      : scripted;
  const parts = given.parts ?? [];
  return {
    parts,
    stop: parts.some(({ kind }) => kind === 'call') ? 'tools' : 'end',
    usage: countUsage(request, parts),
    model: request.model,
    providerId: `scripted-${index + 1}`,
    ...given,
  };
}

function isParts(scripted: Exclude<ScriptedReply, EngineError>): scripted is readonly Part[] {
  return Array.isArray(scripted);
}

// Four characters a token, the common rule of thumb for English: deterministic, and of the right order.
function countUsage(request: ModelRequest, parts: readonly Part[]): Usage {
  const countTokens = (value: unknown) => Math.ceil(JSON.stringify(value).length / 4);
  const input = countTokens([request.instructions, request.messages, request.tools]);
  return { input, cachedInput: 0, cacheWrite: 0, output: countTokens(parts), reasoning: 0 };
}
