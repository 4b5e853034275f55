import { canonicalJson } from '../../core/base/ids.ts';
import { reportTool } from '../../core/guard/prompt.ts';
import { toProviderName } from '../../core/ports/models/tool-name.ts';
import type { AnyAgent, FindingInput } from '../../core/sdk/agent.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import type { ModelHandler } from './model-server.ts';
import type { ServerReply } from './model-stream.ts';
import type { ModelCallSeen } from './model-wire.ts';

/**
 * Plays a model that follows its instructions: it asks for what the agent's procedure asks for, learns nothing but what the
 * conversation tells it, reports each finding and answers in the required form. It holds no state between requests.
 */
export function competentModel(agents: readonly AnyAgent[]): ModelHandler {
  return async (call) => {
    const agent = agents.find(
      ({ purpose, instructions }) =>
        call.instructions.startsWith(purpose) && call.instructions.includes(instructions),
    );
    if (!agent?.procedure) throw new Error(`no agent has the instructions ${call.instructions}`);
    return await reply(agent, call);
  };
}

interface Asked {
  readonly name: string;
  readonly args: unknown;
}

async function reply(agent: AnyAgent, call: ModelCallSeen): Promise<ServerReply> {
  const { today, input } = readOpening(call);
  const known = readResults(call);
  const asked: Asked[] = [];
  const findings: FindingInput[] = [];
  const ask = ({ name }: AnyTool, args: unknown): Promise<unknown> => {
    const wish = { name: toProviderName(name), args };
    const content = known.get(keyOf(wish))?.shift();
    if (content !== undefined) return Promise.resolve(JSON.parse(content));
    asked.push(wish);
    return new Promise(() => undefined);
  };
  const tools = Object.entries(agent.tools as Readonly<Record<string, AnyTool>>).map(
    ([name, tool]) => [name, (args: unknown) => ask(tool, args)],
  );
  const ended = agent.procedure?.({
    input,
    tools: Object.fromEntries(tools),
    finding: (finding: FindingInput) => void findings.push(finding),
    today,
    signal: new AbortController().signal,
  } as never);
  // A procedure waits for nothing but its tools: when the microtasks have run it has asked, or ended.
  const quiet = new Promise<{ readonly kind: 'asks' }>((resolve) => {
    setImmediate(() => resolve({ kind: 'asks' }));
  });
  const state = await Promise.race([
    Promise.resolve(ended).then((output: unknown) => ({ kind: 'ended', output }) as const),
    quiet,
  ]);
  if (state.kind === 'asks') return { calls: asked };
  const reports = findings.map(toReport);
  return known.has(keyOf(reports[0])) || reports.length === 0
    ? { text: JSON.stringify(state.output) }
    : { calls: reports };
}

function toReport({ evidence: _, amount, company, ...finding }: FindingInput): Asked {
  const args = {
    ...finding,
    company: company ?? null,
    amount: amount?.amount ?? null,
    currency: amount?.currency ?? null,
  };
  return { name: toProviderName(reportTool), args };
}

function readOpening({ messages }: ModelCallSeen): {
  readonly today: string;
  readonly input: unknown;
} {
  const [opening] = messages;
  const match =
    opening?.kind === 'text' && /^Business date: (.*)\nInput: (.*)$/s.exec(opening.text);
  if (!match) throw new Error(`no opening in ${JSON.stringify(opening)}`);
  return { today: match[1] ?? '', input: JSON.parse(match[2] ?? '') };
}

/** Results so far by what was asked, in the order in which it was asked. */
function readResults({ messages }: ModelCallSeen): Map<string, string[]> {
  const results = new Map<string, string[]>();
  for (const asked of messages) {
    if (asked.kind !== 'call') continue;
    const result = messages.find((each) => each.kind === 'result' && each.id === asked.id);
    if (result?.kind !== 'result') throw new Error(`call ${asked.id} has no result`);
    if (result.isError) throw new Error(`${asked.name} failed: ${result.content}`);
    results.set(keyOf(asked), [...(results.get(keyOf(asked)) ?? []), result.content]);
  }
  return results;
}

function keyOf(asked: Asked | undefined): string {
  return `${asked?.name} ${canonicalJson(asked?.args)}`;
}
