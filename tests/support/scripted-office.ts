import { toProviderName } from '../../core/ports/models/tool-name.ts';
import { type ModelServer, startModelServer } from './model-server.ts';
import type { ServerReply } from './model-stream.ts';
import type { ModelCallSeen } from './model-wire.ts';

/** One call that a scripted agent makes. */
export interface Scripted {
  readonly name: string;
  readonly args: unknown;
}

/** A call of an office agent, for another one's script: what it says at the end, and what it calls turn by turn. */
export function handTo(
  name: string,
  say: string,
  turns: readonly (readonly Scripted[])[] = [],
): Scripted {
  return { name, args: { say, turns: JSON.stringify(turns) } };
}

/** A model of the office's agents (fixtures/delegation.config.ts). It holds no state but what it has seen, and calls that wait for `open`. */
export interface Office {
  readonly server: ModelServer;
  /** What agents were asked, by name, in order: the word that each is to say. */
  readonly asked: readonly string[];
  /** Calls of agents whose word begins with `hold` that wait. */
  readonly held: number;
  /** Lets all that wait go on, and what comes. */
  open(): void;
  /** From now on calls whose word begins with `hold` wait. */
  shut(): void;
}

export async function startOffice(): Promise<Office> {
  let gate = Promise.withResolvers<void>();
  let held = 0;
  const asked: string[] = [];
  const server = await startModelServer(async (call) => {
    const { who, input } = read(call);
    asked.push(`${who} ${input.say} ${resultsOf(call).length}`);
    if (input.say.startsWith('hold')) {
      held += 1;
      await gate.promise;
      held -= 1;
    }
    return reply(call, input);
  });
  return {
    server,
    asked,
    get held() {
      return held;
    },
    open: () => gate.resolve(),
    shut() {
      gate = Promise.withResolvers<void>();
    },
  };
}

interface Input {
  readonly say: string;
  readonly turns?: string;
}

function read(call: ModelCallSeen): { readonly who: string; readonly input: Input } {
  const [opening] = call.messages;
  const text = opening?.kind === 'text' ? opening.text : '';
  const who = /You are (\w+)/.exec(call.instructions)?.[1] ?? '';
  return { who, input: JSON.parse(/^Input: (.*)$/m.exec(text)?.[1] ?? '{}') as Input };
}

function resultsOf({ messages }: ModelCallSeen) {
  return messages.filter((each) => each.kind === 'result');
}

function reply(call: ModelCallSeen, { say, turns = '[]' }: Input): ServerReply {
  const script = JSON.parse(turns) as readonly (readonly Scripted[])[];
  const results = resultsOf(call);
  let before = 0;
  for (const [at, turn] of script.entries()) {
    if (results.length <= before)
      return {
        calls: turn.map(({ name, args }, index) => ({
          name: toProviderName(name),
          args,
          id: `call_${at}_${index}`,
        })),
      };
    before += turn.length;
  }
  if (say === 'nonsense') return { text: 'I have no idea.' };
  // In the order of the calls, whatever the order of the results.
  const calls = call.messages.filter((each) => each.kind === 'call');
  const heard = calls.map(
    ({ id }) => results.find((each) => each.id === id)?.content ?? 'no result',
  );
  return { text: JSON.stringify({ said: say, heard }) };
}
