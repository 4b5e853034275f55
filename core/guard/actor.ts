import { personOf } from '../base/person.ts';
import type { Doer } from '../ports/db/lineage.ts';
import { toolAgentName } from '../sdk/tool-agent.ts';

/**
 * Whether two count as one actor for the separation of duties, whoever was first. They do where they share an agent (one that stands in
 * for another is both), where one person asked for both runs, and where one hands work to the other: a run to the runs that it
 * starts and theirs, and a workflow, which itself is at work in its tool nodes, to the agents of its run. Agents that a workflow without
 * a person behind it lists side by side are two.
 */
export function isOneActor(one: Doer, other: Doer): boolean {
  const isOneRun = one.runId === other.runId;
  if (isOneRun && (isWorkflow(one) || isWorkflow(other))) return true;
  if (!isOneRun && one.rootRunId === other.rootRunId) return true;
  return meet(agentsOf(one), agentsOf(other)) || meet(personsOf(one), personsOf(other));
}

const toolAgents = toolAgentName('');

/** Whether it is the workflow itself that works, in a tool node. */
function isWorkflow({ agents }: Doer): boolean {
  return agents.some((agent) => agent.startsWith(toolAgents));
}

/** The agents by name; the workflow's for what it does itself. */
function agentsOf({ agents, workflow }: Doer): readonly string[] {
  return agents.flatMap((agent) => {
    if (!agent.startsWith(toolAgents)) return [agent];
    return workflow === null ? [] : [`workflow:${workflow}`];
  });
}

/** The persons who asked for the run, themselves or through what acts for them. */
export function personsOf({ askedBy }: Pick<Doer, 'askedBy'>): readonly string[] {
  if (!askedBy) return [];
  const { kind, id, onBehalfOf = [] } = askedBy;
  return [...(kind === 'person' ? [id] : []), ...onBehalfOf].map(personOf);
}

function meet(some: readonly string[], others: readonly string[]): boolean {
  return some.some((each) => others.includes(each));
}
