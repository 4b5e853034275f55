import type { ItemNode, Node, WorkflowData } from '../../sdk/node.ts';
import type { Way } from '../../sdk/outside.ts';
import { matches, type Policy } from '../../sdk/policy/policy.ts';
import type { AnyTool } from '../../sdk/tool.ts';
import type { Place } from './reach.ts';
import type { Known } from './scopes.ts';
import { isNamed, type Sources, sourcesOf } from './sources.ts';

/** A node among the others of its graph. */
export interface Standing {
  readonly nodes: readonly Node[];
  /** Null where the graph's edges are wrong. */
  readonly places: readonly Place[] | null;
  readonly index: number;
}

/**
 * The three that no agent may join by itself: what comes from outside, what is personal or about pay and banks, and an effect that
 * nobody takes back. Any two are fine (the "Agents Rule of Two", Meta AI 2025): text from outside then has nothing to tell, or no way
 * to tell it.
 */
export class Trifecta {
  readonly #known: Known;
  readonly #external: External;

  constructor(data: WorkflowData, known: Known) {
    this.#known = known;
    this.#external = new External(data, known);
  }

  /** What is wrong with a node's agent, or null: one of the three is missing, or people agree first. `at`: from the workflow's graph inwards. */
  faultOf(node: Node | ItemNode, at: readonly Standing[], foreach: string | null): string | null {
    if (node.kind !== 'task' && node.kind !== 'reduce') return null;
    const tools = toolsOf(node.agent, this.#known);
    const sensitive = tools.find((tool) => tool.sensitive);
    const outward = tools.find((tool) => this.#isUnasked(node.agent, tool));
    if (!sensitive || !outward) return null;
    const revealing = tools.find(isRevealing);
    const isGiven = () => this.#external.inputOf(node, foreach);
    const untrusted = revealing?.name ?? (isGiven() ? 'its input' : null);
    if (untrusted === null || at.some(isApproved)) return null;
    return `'${node.agent}' joins text from outside (${untrusted}), sensitive data (${sensitive.name}) and an effect that nobody takes back (${outward.name}); put an approval before it, give the tool a tier in a policy, or take one of the three away.`;
  }

  /** Whether a tool lets out, or does for good, what no tier asks people about. */
  #isUnasked(agent: string, { name: tool, effect, undo }: AnyTool): boolean {
    const isOutward = effect === 'send' || (effect === 'write' && (!undo || 'none' in undo));
    return isOutward && !(this.#known.policies ?? []).some((policy) => covers(policy, agent, tool));
  }
}

/** Whether a tier asks people about every call. What is outward has the highest risk, so a tier from a risk on asks, too. */
function covers({ tiers = [] }: Policy, agent: string, tool: string): boolean {
  return tiers.some(
    (tier) =>
      matches(tier.agents, agent) &&
      matches(tier.tools, tool) &&
      tier.companies === undefined &&
      tier.above === undefined,
  );
}

/** Whether people have agreed whenever a node starts. */
function isApproved({ nodes, places, index }: Standing): boolean {
  const place = places?.[index];
  return nodes.some(({ kind }, other) => kind === 'approval' && place?.isSure(other) === true);
}

/** Ways by which text comes in that anybody may have written. */
const textWays: readonly Way[] = ['files', 'http', 'mcp', 'databases'];

const isReaching = ({ outside = [] }: AnyTool): boolean =>
  outside.some((way) => textWays.includes(way));

/** Whether a model may read text from outside in what a tool answers. */
const isRevealing = (tool: AnyTool): boolean => (tool.reveals ?? []).length > 0 || isReaching(tool);

function toolsOf(agent: string, { agents }: Known): readonly AnyTool[] {
  const tools = agents.get(agent)?.agent.tools ?? {};
  return Object.values(tools as Readonly<Record<string, AnyTool>>);
}

/** Which nodes bring what may come from outside: by data, whatever way it goes. */
class External {
  readonly #data: WorkflowData;
  readonly #known: Known;
  /** By id, of an item's nodes `foreach.node`; false while it is being worked out, so that a cycle ends. */
  readonly #outputs = new Map<string, boolean>();
  /** Workflows that are being looked through: one that runs itself adds nothing. */
  readonly #within: readonly string[];

  constructor(data: WorkflowData, known: Known, within: readonly string[] = []) {
    this.#data = data;
    this.#known = known;
    this.#within = [...within, data.name];
  }

  /** Whether a node of a graph, or of a foreach's items, is given any. */
  inputOf(node: Node | ItemNode, foreach: string | null): boolean {
    const sources = sourcesOf(node, foreach !== null);
    return this.#isAny(sources.nodes, this.#data.nodes, null) || this.#inItem(sources, foreach);
  }

  /** Whether any node of the workflow brings any. */
  get isAnywhere(): boolean {
    return this.#data.nodes.some((node) => this.#outputOf(node, null));
  }

  #inItem({ item, each }: Sources, foreach: string | null): boolean {
    const outer = this.#data.nodes.find(({ id }) => id === foreach);
    if (foreach === null || outer?.kind !== 'foreach') return false;
    return (item && this.inputOf(outer, null)) || this.#isAny(each, outer.body, foreach);
  }

  #isAny(
    named: readonly string[],
    nodes: readonly (Node | ItemNode)[],
    foreach: string | null,
  ): boolean {
    return (
      named.length > 0 &&
      nodes.some((node) => isNamed(named, node.id) && this.#outputOf(node, foreach))
    );
  }

  #outputOf(node: Node | ItemNode, foreach: string | null): boolean {
    const id = foreach === null ? node.id : `${foreach}.${node.id}`;
    const known = this.#outputs.get(id);
    if (known !== undefined) return known;
    this.#outputs.set(id, false);
    const is = this.#makes(node, foreach);
    this.#outputs.set(id, is);
    return is;
  }

  #makes(node: Node | ItemNode, foreach: string | null): boolean {
    switch (node.kind) {
      case 'approval':
      case 'wait':
      case 'gate':
        return false;
      case 'foreach':
        return node.body.some(
          (each) => node.outputs.includes(each.id) && this.#outputOf(each, node.id),
        );
      case 'task':
      case 'reduce':
        return toolsOf(node.agent, this.#known).some(isRevealing) || this.inputOf(node, foreach);
      case 'workflow':
        return this.#isChildExternal(node.workflow) || this.inputOf(node, foreach);
      case 'tool':
        return this.#isReached(node.tool) || this.inputOf(node, foreach);
      case 'compute':
      case 'switch':
        return this.inputOf(node, foreach);
    }
  }

  #isReached(name: string): boolean {
    const tool = this.#known.tools.get(name);
    return tool !== undefined && isReaching(tool);
  }

  #isChildExternal(name: string): boolean {
    const child = this.#known.workflows.get(name)?.data;
    if (!child || this.#within.includes(name)) return false;
    return new External(child, this.#known, this.#within).isAnywhere;
  }
}
