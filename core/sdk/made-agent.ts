import { z } from 'zod';
import { type AgentDeclaration, type AnyAgent, defineAgent } from './agent.ts';
import { type AgentDocument, agentInvalid, type MadeAgent, ownName } from './agent-document.ts';
import { ownModule } from './check-module.ts';
import { extractorFault } from './extractor.ts';
import { typeFrom } from './json-schema.ts';
import { dutyConflicts } from './policy/duties.ts';
import type { Policy } from './policy/policy.ts';
import type { Declarations, RegisteredAgent } from './registry.ts';
import type { AnyTool } from './tool.ts';

/**
 * Makes the agent that a document describes. A playbook is written for what its agent is told, takes, may call and hands in: it is its
 * template's only where instructions, input, output, tools and findings all are; without it the agent needs a model. So it is with the
 * template's rules of recovery.
 * @throws AGENT_INVALID when it names what is not loaded, or a schema cannot be read
 */
export function agentOf(
  made: MadeAgent,
  declared: Pick<Declarations, 'agents' | 'tools'>,
): RegisteredAgent {
  const { document } = made;
  const { template: from, tools, input, output, ...own } = document;
  const template = from === undefined ? null : templateOf(document, declared.agents);
  // Whom its template may hand work to, a policy has allowed to that name.
  const {
    kind: _,
    playbook: __,
    delegates: ___,
    procedure,
    recovery,
    ...inherited
  } = template ?? nothing;
  const limits = { ...inherited.limits, ...document.limits };
  const agent = defineAgent({
    ...inherited,
    ...withoutGaps(own),
    ...(Object.keys(limits).length > 0 && { limits }),
    input: input ? schemaOf(document, 'input') : inherited.input,
    output: output ? schemaOf(document, 'output') : inherited.output,
    tools: tools ? toolsOf(document, template, declared.tools) : inherited.tools,
    ...(recovery && isAsTemplate(document) && { recovery }),
  } as AgentDeclaration);
  const fault = agent.extractor ? extractorFault(agent) : null;
  if (fault !== null)
    throw agentInvalid(document.name, `is an extractor as its template: ${fault}`);
  const whole = procedure && isAsTemplate(document) ? agent.playbook(procedure) : agent;
  return Object.freeze({ name: ownName(document.name), module: ownModule, agent: whole, made });
}

/** Refuses an agent that could do by itself what must be in different hands, as one of a module is when it loads. @throws AGENT_INVALID */
export function refuseDuties(made: RegisteredAgent, policies: readonly Policy[]): void {
  const [conflict] = dutyConflicts([made], policies);
  if (!conflict) return;
  const [one, other] = conflict.tools.map((tool) => `'${tool.name}' (duty '${tool.duty}')`);
  const what = `would have ${one} and ${other} in one hand: ${conflict.rule.reason}. Give them to two agents`;
  throw agentInvalid(made.name, what);
}

/** What an agent is that has no template and says nothing else: it takes a task in words and answers in words. */
const nothing: AnyAgent = defineAgent({
  ...{ name: 'nothing', purpose: '', instructions: '', tools: {} },
  input: z.object({ task: z.string().min(1) }),
  output: z.object({ answer: z.string() }),
});

function isAsTemplate(document: AgentDocument): boolean {
  const { instructions, input, output, tools, findings } = document;
  return [instructions, input, output, tools, findings].every((each) => each === undefined);
}

function templateOf(
  { name, template = '' }: AgentDocument,
  agents: Declarations['agents'],
): AnyAgent {
  const found = agents.get(template);
  if (found && !found.isTool && !found.isOwn && !found.made) return found.agent;
  const all = [...agents.values()].filter((each) => !each.isTool && !each.isOwn && !each.made);
  const known = all.map((each) => each.name).join(', ');
  throw agentInvalid(
    name,
    `has the template '${template}', which is not loaded; there are ${known}`,
  );
}

/** Tools by the names that the template gives them, or else by their own. */
function toolsOf(
  { name, tools: wanted = [] }: AgentDocument,
  template: AnyAgent | null,
  tools: Declarations['tools'],
): Readonly<Record<string, AnyTool>> {
  const given = Object.entries((template?.tools ?? {}) as Readonly<Record<string, AnyTool>>);
  return Object.fromEntries(
    wanted.map((each) => {
      const tool = tools.get(each);
      // What takes runs back is for the runs that do.
      if (!tool || each.startsWith('tutti.'))
        throw agentInvalid(name, `lists the tool '${each}', which is not loaded; see: tutti tools`);
      const [key = each.replaceAll('.', '_')] = given.find(([, own]) => own === tool) ?? [];
      return [key, tool];
    }),
  );
}

function schemaOf(document: AgentDocument, member: 'input' | 'output'): z.ZodType {
  const type = typeFrom(document[member] ?? {});
  if (typeof type !== 'string') return type;
  throw agentInvalid(document.name, `has an '${member}' that cannot be checked: ${type}`);
}

function withoutGaps<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}
