import type { ModuleLoadView } from '../../core/engine/modules/module-loads.ts';
import type { Capability } from '../../core/sdk/agent.ts';
import type { Registry } from '../../core/sdk/registry.ts';
import { actionIn, wrongUse } from '../arguments.ts';
import { withHost } from '../call-host.ts';
import { hostOptions } from '../call-reading.ts';
import { type Call, type Command, exit } from '../command.ts';
import { openConfig } from '../configuration.ts';
import { minuteText } from '../moment.ts';
import { writeModule } from '../new-module.ts';
import { operator } from '../operator.ts';
import { moduleDeskOf } from '../parts/modules-of.ts';
import { table } from '../terminal.ts';

const wrong = wrongUse('modules');

type Action = (call: Call, name: string) => Promise<number>;

const actions: Readonly<Record<string, Action>> = {
  list,
  load: (call, name) => turn(call, name, 'load'),
  unload: (call, name) => turn(call, name, 'unload'),
  new: write,
};

/** `tutti modules`: what is loaded; needs no database where the configuration lets nothing be loaded while Tutti runs. */
export const modules: Command = async (call) => {
  const [action = 'list', name = ''] = call.args.positionals;
  const act = actionIn('modules', actions, action);
  if (action !== 'list' && name === '') throw wrong(`${action} needs NAME`);
  return act(call, name);
};

async function list(call: Call): Promise<number> {
  const { config, registry } = await openConfig(hostOptions(call));
  if (Object.keys(config.loadable ?? {}).length === 0) return show(call, registry, []);
  return withHost(call, async (host) => show(call, host.registry, await moduleDeskOf(host).list()));
}

function turn(call: Call, name: string, way: 'load' | 'unload'): Promise<number> {
  const { terminal } = call;
  return withHost(call, async (host) => {
    const view = await moduleDeskOf(host)[way]({ name, actor: operator() });
    if (terminal.isJson) terminal.print(view);
    else if (way === 'load')
      terminal.say(
        `'${name}' ${view.version} is right; engines load it within a second, or once runs of the one before have ended. See: tutti modules`,
      );
    else
      terminal.say(
        `Nothing more of '${name}' starts; it goes when its runs have ended. See: tutti modules`,
      );
    return exit.done;
  });
}

async function write({ terminal }: Call, name: string): Promise<number> {
  const files = writeModule(process.cwd(), name);
  if (terminal.isJson) terminal.print({ name, files });
  else {
    for (const file of files) terminal.say(file);
    terminal.say(`Test it:  npx node --test '${name}/test/*.test.ts'`);
    terminal.say(`Add it:   import it in tutti.config.ts, or let it be loaded while Tutti runs:`);
    terminal.say(`          loadable: { ${name}: './${name}/index.ts' }`);
    terminal.say(`Load it:  tutti modules load ${name}`);
    terminal.say(`Run it:   tutti run ${name}_check`);
  }
  return exit.done;
}

function show({ terminal }: Call, registry: Registry, loads: readonly ModuleLoadView[]): number {
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
  if (terminal.isJson) {
    const others = loads.filter(({ name }) => listed.every((each) => each.name !== name));
    terminal.print([
      ...listed.map((each) => withLoad(each, loads)),
      ...others.map(({ name, version }) => withLoad({ name, version }, loads)),
    ]);
    return exit.done;
  }
  for (const module of listed) {
    terminal.say(terminal.bold(`${module.name} ${module.version}`));
    for (const line of table(module.agents.map(rowOf))) terminal.say(`  ${line}`);
  }
  terminal.say(`Workflows: ${[...registry.workflows.keys()].join(', ')}`);
  for (const load of loads) for (const line of saidOf(load)) terminal.say(line);
  return exit.done;
}

function withLoad<T extends { readonly name: string }>(each: T, loads: readonly ModuleLoadView[]) {
  const load = loads.find(({ name }) => name === each.name);
  return { ...each, ...(load && { load }) };
}

/** A module that was loaded while Tutti ran, and what each engine has made of it. */
function saidOf({ name, version, wanted, actor, at, engines }: ModuleLoadView): readonly string[] {
  const when = `${minuteText(at)} by ${actor.id}`;
  return [
    `${name} ${version}: ${wanted ? 'loaded' : 'taken away'} ${when}`,
    ...engines.map(({ id, host, state, generation, error }) => {
      const why = error === null ? '' : `: ${error.code}: ${error.message}`;
      return `  engine ${id.slice(-8)} on ${host}: ${state} (load ${generation})${why}`;
    }),
  ];
}

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
