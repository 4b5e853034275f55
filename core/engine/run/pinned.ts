import { z } from 'zod';
import { digest } from '../../base/ids.ts';
import { contractDigest } from '../../guard/effects.ts';
import type { AnyAgent } from '../../sdk/agent.ts';
import { doersIn, type WorkflowData } from '../../sdk/node.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { AnyTool } from '../../sdk/tool.ts';
import { toolAgentName } from '../../sdk/tool-agent.ts';

/** An agent as a run has begun with it: digests, 16 hex digits each. */
export interface PinnedAgent {
  /** What its model is told: instructions, purpose, findings, its tools' descriptions, its profile. */
  readonly prompt: string;
  /** What it takes, brings and may call: schemas, and the contracts of its tools. */
  readonly contract: string;
  /** Of an agent that was made at run time: the run goes on with it whatever becomes of that name. */
  readonly version?: number;
}

/** What a run has begun with besides its workflow's version. Code itself cannot be pinned; these say when it has become other. */
export interface Pinned {
  readonly policies: string;
  /** By name: the agents that its workflow names, those of tools included. */
  readonly agents: Readonly<Record<string, PinnedAgent>>;
}

/** What is loaded, as far as a run is pinned to it. */
export type Declared = Pick<Registry, 'agents' | 'policies'>;

/** What a run of a workflow is pinned to today. */
export function pinnedBy(declared: Declared, workflow: Pick<WorkflowData, 'nodes'>): Pinned {
  return pinnedAgents(declared, agentsNamedBy(workflow));
}

/** What agents are pinned to today; those that are not loaded are left out. */
export function pinnedAgents({ agents, policies }: Declared, names: readonly string[]): Pinned {
  const known = names.flatMap((name) => {
    const { agent, made } = agents.get(name) ?? {};
    if (!agent) return [];
    return [[name, { ...pinOf(agent), ...(made && { version: made.version }) }] as const];
  });
  return { policies: short(policies), agents: Object.fromEntries(known) };
}

/** The agents that a workflow names, those of tools included. */
export function agentsNamedBy({ nodes }: Pick<WorkflowData, 'nodes'>): readonly string[] {
  return doersIn(nodes).flatMap((node) => {
    if (node.kind === 'tool') return [toolAgentName(node.tool)];
    return 'agent' in node ? [node.agent] : [];
  });
}

/** The versions of the agents made at run time that a run has begun with, by name. */
export function madeVersions(pinned: Pinned | undefined): Readonly<Record<string, number>> {
  const made = Object.entries(pinned?.agents ?? {}).flatMap(([name, { version }]) =>
    version === undefined ? [] : [[name, version] as const],
  );
  return Object.fromEntries(made);
}

// Declarations are frozen when they load.
const agentPins = new WeakMap<AnyAgent, PinnedAgent>();

function pinOf(agent: AnyAgent): PinnedAgent {
  const known = agentPins.get(agent);
  if (known) return known;
  const { instructions, purpose, findings, model } = agent;
  const tools = Object.entries(agent.tools as Readonly<Record<string, AnyTool>>);
  const made = {
    prompt: short(
      ...[instructions, purpose, findings ?? null, model ?? null],
      tools.map(([key, tool]) => [key, tool.description]),
    ),
    contract: short(
      z.toJSONSchema(agent.input, { io: 'input', unrepresentable: 'any' }),
      z.toJSONSchema(agent.output, { io: 'output', unrepresentable: 'any' }),
      tools.map(([key, tool]) => [key, contractDigest(tool)]),
    ),
  };
  agentPins.set(agent, made);
  return made;
}

/** A digest of 16 hex digits. */
export function short(...parts: readonly unknown[]): string {
  return digest(...parts)
    .toString('hex')
    .slice(0, 16);
}
