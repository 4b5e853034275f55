import type { Capability } from '../../core/sdk/agent.ts';
import { hostOptions } from '../call-reading.ts';
import { type Command, exit } from '../command.ts';
import { openConfig } from '../configuration.ts';
import { table } from '../terminal.ts';

/** `tutti modules`: what the configuration loads; needs no database. */
export const modules: Command = async (call) => {
  const { terminal } = call;
  const { registry } = await openConfig(hostOptions(call));
  const listed = registry.modules.map((module) => ({
    name: module.name,
    version: module.version,
    requires: module.requires,
    agents: module.agents.map((agent) => ({
      name: `${module.name}.${agent.name}`,
      purpose: agent.purpose,
      capabilities: agent.capabilities ?? [],
    })),
    tools: module.tools.map((tool) => tool.name),
    workflows: [...registry.workflows]
      .filter(([, each]) => each.module === module.name)
      .map(([name]) => name),
  }));
  if (terminal.isJson) terminal.print(listed);
  else {
    for (const module of listed) {
      terminal.say(terminal.bold(`${module.name} ${module.version}`));
      for (const line of table(module.agents.map(rowOf))) terminal.say(`  ${line}`);
    }
    terminal.say(`Workflows: ${[...registry.workflows.keys()].join(', ')}`);
  }
  return exit.done;
};

/** Name, purpose and, where it says any, what it can do. */
function rowOf({
  name,
  purpose,
  capabilities,
}: {
  readonly name: string;
  readonly purpose: string;
  readonly capabilities: readonly Capability[];
}): readonly string[] {
  const can = capabilities.map((each) => each.name).join(', ');
  return [name, can === '' ? purpose : `${purpose} (${can})`];
}
