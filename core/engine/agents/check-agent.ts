import { EngineError, toErrorData } from '../../base/errors.ts';
import { Prompt } from '../../guard/prompt.ts';
import { agentInvalid } from '../../sdk/agent-document.ts';
import { refuseDuties } from '../../sdk/made-agent.ts';
import type { RegisteredAgent, Registry } from '../../sdk/registry.ts';
import type { AnyTool } from '../../sdk/tool.ts';
import { type AccessGrant, mayUse } from '../../sdk/tool-access.ts';
import { checkWorkflow } from '../graph/check.ts';
import { agentsNamedBy } from '../run/pinned.ts';
import { refuseFaulty } from '../submit.ts';
import { agentTask } from '../tasks/agent-task.ts';
import { withAgents } from '../versions/published.ts';

/** What an agent is judged by when somebody makes it. */
export interface Judging {
  readonly registry: Registry;
  /** What was given at run time. */
  readonly grants: readonly AccessGrant[];
  /** The roles of whoever makes it. */
  readonly roles: readonly string[];
}

/**
 * Refuses an agent that could do what nobody has given to its name: tools that it has no access to, duties that must be in different
 * hands. Returns what people should know all the same.
 * @throws AGENT_INVALID naming every such tool
 */
export function checkAgent(made: RegisteredAgent, judging: Judging): readonly string[] {
  refuseTools(made, judging);
  refuseDuties(made, judging.registry.policies);
  refuseSchemas(made);
  const { data } = agentTask(made);
  return checkWorkflow(data, withAgents(judging.registry, [made]))
    .filter(({ code }) => code === 'rule_of_two')
    .map(({ message }) => message);
}

function refuseTools(made: RegisteredAgent, { registry, grants, roles }: Judging): void {
  const { name: agent, module } = made;
  const tools = Object.values(made.agent.tools) as readonly AnyTool[];
  const given = { policies: registry.policies, grants };
  const refused = tools.filter((tool) => !mayUse(tool, { agent, module, roles }, given));
  const [first] = refused;
  if (!first) return;
  const names = refused.map(({ name }) => `'${name}'`).join(', ');
  throw agentInvalid(
    agent,
    `has no access to ${names}; leave them out, let a policy give them, or: tutti tools grant ${first.name} --agent ${agent}`,
    { tools: refused.map(({ name }) => name) },
  );
}

/** What a model is given of it must have a form in JSON. */
function refuseSchemas({ name, agent }: RegisteredAgent): void {
  try {
    new Prompt(agent);
  } catch (error) {
    throw agentInvalid(name, toErrorData(error).message.replace(/\.$/, ''));
  }
}

/** A workflow that names an agent and does not fit it, with the first reason. */
export interface Broken {
  readonly workflow: string;
  readonly message: string;
}

/** The workflows of a registry that name an agent and whose runs are refused as it is there. */
export function brokenBy(registry: Registry, name: string): readonly Broken[] {
  const naming = [...registry.workflows.values()].filter(({ data }) =>
    agentsNamedBy(data).includes(name),
  );
  return naming.flatMap((workflow) => {
    try {
      refuseFaulty(registry, workflow);
      return [];
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return [{ workflow: workflow.data.name, message: error.message }];
    }
  });
}
