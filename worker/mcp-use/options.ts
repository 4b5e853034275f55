import { z } from 'zod';
import { EngineError } from '../../core/base/errors.ts';
import {
  type LangChainChatModel,
  langchainModel,
} from '../../core/ports/models/langchain/langchain.ts';
import type { Model, ModelTarget } from '../../core/ports/models/model.ts';
import { openModel } from '../../core/ports/models/open.ts';
import type { MCPClient } from './client.ts';
import type { ClientServer } from './config.ts';
import type { AdditionalTool } from './tools.ts';

/** What an agent thinks with: a chat model of LangChain, a model of Tutti by its target, one of one's own, or `provider/model`. */
export type Llm = LangChainChatModel | ModelTarget | Model | string;

/** How an `MCPAgent` is made. */
export interface AgentOptions {
  readonly llm?: Llm;
  /** Another name for `llm`. */
  readonly model?: Llm;
  /** For an `llm` by its name. */
  readonly llmConfig?: { readonly apiKey?: string; readonly maxTokens?: number };
  readonly client?: MCPClient;
  /** In place of a client. */
  readonly mcpServers?: Readonly<Record<string, ClientServer>>;
  /** Answers of the model to one question, those that call tools included. @default 5 */
  readonly maxSteps?: number;
  /** Opens the sessions with the first question. @default false, which `manageConnector` of a question makes up for */
  readonly autoInitialize?: boolean;
  /** Whether the next question knows of the last. @default true */
  readonly memoryEnabled?: boolean;
  readonly systemPrompt?: string | null;
  /** As `systemPrompt`, with `{tool_descriptions}` in it. */
  readonly systemPromptTemplate?: string | null;
  readonly additionalInstructions?: string | null;
  /** Names of tools that the model is not offered. */
  readonly disallowedTools?: readonly string[];
  /** Tools of LangChain beside those of the servers. */
  readonly additionalTools?: readonly AdditionalTool[];
  /** Taken, and without effect: nothing is printed or observed. */
  readonly verbose?: boolean;
  readonly observe?: boolean;
  readonly [more: string]: unknown;
}

const refused = [
  ...['connectors', 'useServerManager', 'serverManagerFactory', 'adapter', 'callbacks'],
  ...['agentId', 'apiKey', 'baseUrl', 'exposeResourcesAsTools', 'exposePromptsAsTools'],
];

/** @throws CONFIG_INVALID for what this agent does not do, rather than doing without it */
export function checkOptions(options: AgentOptions): void {
  const word = refused.find((each) => options[each]);
  if (word) throw invalid(`${word} is not offered here; the page mcp-use.md says what is`);
  if (options.client && options.mcpServers)
    throw invalid('it takes a client or mcpServers, not both');
  if (!options.client && !options.mcpServers) throw invalid('it needs a client, or mcpServers');
}

/** A model, and how it is asked. */
export interface Mind {
  readonly model: Model;
  readonly target: ModelTarget;
  /** Whether it can be asked for plain text; where its provider enforces a form, the answer is a member of it. */
  readonly isFree: boolean;
}

/** @throws CONFIG_INVALID · MODEL_REFUSED without a key */
export function mindOf(options: AgentOptions): Mind {
  const llm = options.llm ?? options.model;
  if (llm === undefined) throw invalid('it needs an llm');
  if (typeof llm === 'string') return named(llm, options.llmConfig ?? {});
  if ('stream' in llm) {
    const target = { provider: 'langchain', model: nameOf(llm) };
    return { model: langchainModel(llm), target, isFree: true };
  }
  if ('call' in llm) {
    return { model: llm, target: { provider: llm.provider, model: llm.provider }, isFree: true };
  }
  return { model: openModel(llm, process.env), target: llm, isFree: false };
}

/** Chat models say which model they ask for in a member of their own. */
function nameOf(chatModel: LangChainChatModel): string {
  const { model, modelName } = chatModel as {
    readonly model?: unknown;
    readonly modelName?: unknown;
  };
  const name = [model, modelName].find((each) => typeof each === 'string' && each !== '');
  return (name as string | undefined) ?? 'langchain';
}

function named(llm: string, llmConfig: object): Mind {
  const [, provider = '', model = ''] = /^(openai|anthropic)\/(.+)$/.exec(llm) ?? [];
  if (model === '') {
    throw invalid(
      `llm '${llm}' is not known; write openai/MODEL or anthropic/MODEL, or pass a chat model`,
    );
  }
  const shape = z.strictObject({ apiKey: z.string().optional(), maxTokens: z.int().optional() });
  const parsed = shape.safeParse(llmConfig);
  if (!parsed.success) throw invalid(`llmConfig: ${z.prettifyError(parsed.error)}`);
  const { apiKey, maxTokens } = parsed.data;
  const variable = provider === 'openai' ? 'OPENAI_API_KEY' : 'ANTHROPIC_API_KEY';
  const env = apiKey === undefined ? process.env : { ...process.env, [variable]: apiKey };
  const target = { provider, model, ...(maxTokens && { maxOutputTokens: maxTokens }) };
  return { model: openModel(target, env), target, isFree: false };
}

function invalid(what: string): EngineError {
  return new EngineError('CONFIG_INVALID', `MCPAgent: ${what}.`);
}
