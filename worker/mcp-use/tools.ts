import type { Tool } from '@modelcontextprotocol/client';
import { z } from 'zod';
import { EngineError, toErrorData } from '../../core/base/errors.ts';
import { toVisible, toVisibleData } from '../../core/base/text.ts';
import { toJsonSchema } from '../../core/ports/models/json-schema.ts';
import type { Part, ToolSpec } from '../../core/ports/models/model.ts';
import type { MCPSession } from './session.ts';

/** A tool of LangChain. */
export interface AdditionalTool {
  readonly name: string;
  readonly description?: string;
  /** Of zod, or JSON Schema. */
  readonly schema?: unknown;
  // biome-ignore lint/suspicious/noExplicitAny: each tool has a type of its own for its input
  invoke(input: any, config?: any): Promise<unknown>;
}

type Args = Readonly<Record<string, unknown>>;
type ToolCall = Extract<Part, { kind: 'call' }>;

/** A tool as an agent has it. */
interface Offered {
  readonly spec: ToolSpec;
  readonly run: (args: Args, signal: AbortSignal) => Promise<string>;
}

/** What an agent is offered. */
interface Offer {
  readonly sessions: Readonly<Record<string, MCPSession>>;
  readonly additional: readonly AdditionalTool[];
  readonly disallowed: readonly string[];
}

/** The tools of an agent by the names that its model sees: a tool's own, or `server.tool` where several servers have one of it. */
export class AgentTools {
  readonly #offered: ReadonlyMap<string, Offered>;

  constructor({ sessions, additional, disallowed }: Offer) {
    const served = Object.entries(sessions).flatMap(([server, session]) =>
      session.tools.map((tool) => ({ server, session, tool })),
    );
    const names = [...served.map(({ tool }) => tool.name), ...additional.map(({ name }) => name)];
    const isShared = (name: string): boolean => names.indexOf(name) !== names.lastIndexOf(name);
    const offered = [
      ...served
        .filter(({ tool }) => !disallowed.includes(tool.name))
        .map(({ server, session, tool }) =>
          ofServer(isShared(tool.name) ? `${server}.${tool.name}` : tool.name, session, tool),
        ),
      ...additional.filter(({ name }) => !disallowed.includes(name)).map(ofLangChain),
    ];
    this.#offered = new Map(offered.map((each) => [each.spec.name, each]));
  }

  get specs(): readonly ToolSpec[] {
    return [...this.#offered.values()].map(({ spec }) => spec);
  }

  /** One line a tool, for a prompt of one's own. */
  describe(): string {
    return this.specs.map(({ name, description }) => `- ${name}: ${description}`).join('\n');
  }

  /** Answers a call; what fails is an answer, too. @throws the signal's reason */
  async answer({ id, name, args }: ToolCall, signal: AbortSignal): Promise<Part> {
    try {
      const tool = this.#offered.get(name);
      if (!tool) throw unknown(name, [...this.#offered.keys()]);
      const read = z.record(z.string(), z.unknown()).safeParse(args);
      if (!read.success) throw noArguments(name);
      const content = await tool.run(read.data, signal);
      return { kind: 'result', id, name, content, isError: false };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return { kind: 'result', id, name, content: toErrorData(error).message, isError: true };
    }
  }
}

function ofServer(name: string, session: MCPSession, tool: Tool): Offered {
  const parameters = toVisibleData(tool.inputSchema) as ToolSpec['parameters'];
  return {
    spec: { name, description: toVisible(tool.description ?? tool.title ?? ''), parameters },
    async run(args, signal) {
      const { text, data } = await session.read(tool.name, args, signal);
      return data === undefined ? text : JSON.stringify(data);
    },
  };
}

function ofLangChain(tool: AdditionalTool): Offered {
  const { name, description = '', schema } = tool;
  return {
    spec: { name, description, parameters: parametersOf(schema) },
    async run(args, signal) {
      const result = await tool.invoke(args, { signal });
      return typeof result === 'string' ? result : (JSON.stringify(result) ?? '');
    },
  };
}

function parametersOf(schema: unknown): ToolSpec['parameters'] {
  if (schema instanceof z.ZodType) return toJsonSchema(schema, 'input');
  return (schema ?? { type: 'object', properties: {} }) as ToolSpec['parameters'];
}

function unknown(name: string, known: readonly string[]): EngineError {
  const message = `There is no tool '${name.slice(0, 100)}'; there are: ${known.join(', ') || 'none'}.`;
  return new EngineError('TOOL_UNKNOWN', message);
}

function noArguments(name: string): EngineError {
  return new EngineError(
    'TOOL_INPUT_INVALID',
    `The arguments of '${name}' are no JSON object; write one that fits its parameters.`,
  );
}
