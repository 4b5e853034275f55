import { toErrorData } from '../../base/errors.ts';
import { toJsonSchema } from '../../ports/models/json-schema.ts';
import type { Capability, ModelProfile } from '../../sdk/agent.ts';
import { type AgentDocument, ownName } from '../../sdk/agent-document.ts';
import { ownModule } from '../../sdk/check-module.ts';
import type { RegisteredAgent, Registry } from '../../sdk/registry.ts';
import type { AnyTool } from '../../sdk/tool.ts';
import type { StoredVersion } from '../versions/definitions.ts';
import { registeredAgent } from '../versions/published.ts';

/** An agent as people see it in a list. */
export interface AgentView {
  /** `module.agent` */
  readonly name: string;
  readonly module: string;
  readonly purpose: string;
  /** Of one that people have made: the version in force. Null for one of the loaded code. */
  readonly version: number | null;
  /** The loaded agent that it takes from what it leaves out. */
  readonly template: string | null;
  readonly capabilities: readonly Capability[];
  /** Names of the tools that it lists. */
  readonly tools: readonly string[];
  /** Whether it has no playbook, so that it does nothing without a model. */
  readonly needsModel: boolean;
  /** Why it cannot be used: it no longer fits what is loaded. */
  readonly fault: string | null;
}

/** An agent with everything that it says of itself. */
export interface AgentDetail extends AgentView {
  readonly instructions: string;
  readonly model: ModelProfile;
  /** JSON Schemas, draft 2020-12; null where JSON has no words for it, or the agent cannot be used. */
  readonly input: unknown;
  readonly output: unknown;
  readonly findings: Readonly<Record<string, string>>;
  /** Agents that its model may hand work to. */
  readonly delegates: readonly string[];
  /** What people have written; null for an agent of the loaded code. */
  readonly document: AgentDocument | null;
}

/** Whether people may see an agent: those of tools and of Tutti itself are nobody's to ask. */
export function isShown({ isTool, isOwn }: RegisteredAgent): boolean {
  return !isTool && !isOwn;
}

/** How an agent looks in a list. */
export function viewOf({ name, module, agent, made }: RegisteredAgent): AgentView {
  return {
    ...{ name, module, purpose: agent.purpose },
    version: made?.version ?? null,
    template: made?.document.template ?? null,
    capabilities: agent.capabilities ?? [],
    tools: (Object.values(agent.tools) as readonly AnyTool[]).map((tool) => tool.name),
    needsModel: agent.procedure === undefined,
    fault: null,
  };
}

/** An agent as a whole. */
export function detailOf(registered: RegisteredAgent): AgentDetail {
  const { agent, made } = registered;
  return {
    ...viewOf(registered),
    instructions: agent.instructions,
    model: agent.model ?? 'standard',
    input: schemaOf(() => toJsonSchema(agent.input, 'input')),
    output: schemaOf(() => toJsonSchema(agent.output, 'input')),
    findings: agent.findings ?? {},
    delegates: (registered.delegates ?? []).map(({ name }) => name),
    document: made?.document ?? null,
  };
}

/** A version that people have made, in a list. */
export function madeView(registry: Registry, stored: StoredVersion<AgentDocument>): AgentView {
  try {
    return viewOf(registeredAgent(registry, stored));
  } catch (error) {
    return brokenView(stored, toErrorData(error).message);
  }
}

/** A version that people have made, also one that no longer fits what is loaded. */
export function madeDetail(registry: Registry, stored: StoredVersion<AgentDocument>): AgentDetail {
  try {
    return detailOf(registeredAgent(registry, stored));
  } catch (error) {
    return { ...brokenView(stored, toErrorData(error).message), ...unknownParts(stored.data) };
  }
}

function brokenView({ version, data }: StoredVersion<AgentDocument>, fault: string): AgentView {
  const { name, purpose = '', template = null, capabilities = [], tools = [] } = data;
  const found = { purpose, version, template, capabilities, tools } as const;
  return { name: ownName(name), module: ownModule, ...found, needsModel: true, fault };
}

function unknownParts(document: AgentDocument): Omit<AgentDetail, keyof AgentView> {
  const { instructions = '', model = 'standard', findings = {}, input, output } = document;
  const types = { input: input ?? null, output: output ?? null };
  return { instructions, model, findings, ...types, delegates: [], document };
}

function schemaOf(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return null;
  }
}
