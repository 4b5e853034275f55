import { readFileSync } from 'node:fs';
import { EngineError } from '../../core/base/errors.ts';
import { checkWorkflow } from '../../core/engine/graph/check.ts';
import { readDocument } from '../../core/sdk/document.ts';
import type { Registry } from '../../core/sdk/registry.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { type Call, type Command, exit, flags, hostOptions } from '../command.ts';
import { openConfig } from '../host.ts';
import { oneLine, type Terminal, table } from '../terminal.ts';

/** `tutti workflow`: checks documents, and shows what the configuration loads; needs no database. */
export const workflow: Command = {
  usage: {
    name: 'workflow',
    about:
      'check FILE…: what is wrong with workflows in YAML or JSON · list: those of the configuration · show NAME: one as data.',
    positionals: ['check|list|show', '[FILE|NAME]…'],
    flags: { json: flags.json },
  },
  async run(call) {
    const [action = '', ...named] = call.args.positionals;
    const actions: Readonly<Record<string, typeof check>> = { check, list, show };
    const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
    if (act) return act(call, named);
    throw wrong(`takes check, list or show, not '${action}'`);
  },
};

/** A fault of a document, as the check prints it. */
interface Told {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly node: string | null;
  readonly path: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

async function check(call: Call, files: readonly string[]): Promise<number> {
  if (files.length === 0) throw wrong('check needs a FILE');
  const { registry } = await openConfig(hostOptions(call).configUrl);
  const faults = files.flatMap((file) => faultsIn(file, registry));
  const errors = faults.filter(({ severity }) => severity === 'error').length;
  if (call.terminal.isJson) call.terminal.print(faults);
  else tell(call.terminal, faults, files.length);
  return errors > 0 ? exit.failed : exit.done;
}

function faultsIn(file: string, registry: Registry): readonly Told[] {
  const { data, faults, locate } = readDocument(readText(file), { file });
  if (!data) return faults.map((each) => ({ ...each, severity: 'error' as const }));
  return checkWorkflow(data, registry)
    .map(({ node, path, severity, message }) => {
      return { file, node, severity, message, ...locate(node, path) };
    })
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** @throws INPUT_INVALID */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw wrong(`cannot read '${file}': ${(error as Error).message}`);
  }
}

function tell(terminal: Terminal, faults: readonly Told[], files: number): void {
  const rows = faults.map(({ file, line, column, node, severity, message }) => [
    `${file}:${line}:${column}`,
    node ?? '–',
    oneLine(severity === 'warning' ? `warning: ${message}` : message),
  ]);
  for (const line of table(rows)) terminal.say(line);
  const errors = faults.filter(({ severity }) => severity === 'error').length;
  const checked = countOf(files, 'workflow');
  const warned = countOf(faults.length - errors, 'warning');
  terminal.say(`${checked} checked: ${countOf(errors, 'error')}, ${warned}.`);
}

async function list(call: Call): Promise<number> {
  const { registry } = await openConfig(hostOptions(call).configUrl);
  const listed = [...registry.workflows.values()].map(({ module, data, digest }) => ({
    name: data.name,
    module,
    nodes: data.nodes.length,
    digest: digest.toString('hex'),
    description: data.description ?? null,
  }));
  if (call.terminal.isJson) call.terminal.print(listed);
  else {
    const rows = listed.map(({ name, module, nodes, description }) => {
      return [name, module ?? 'tutti.config.ts', countOf(nodes, 'node'), description ?? ''];
    });
    for (const line of table(rows)) call.terminal.say(oneLine(line));
  }
  return exit.done;
}

async function show(call: Call, [name, more]: readonly string[]): Promise<number> {
  if (name === undefined || more !== undefined) throw wrong('show needs one NAME');
  const { registry } = await openConfig(hostOptions(call).configUrl);
  const found = registry.workflows.get(name);
  if (found) {
    call.terminal.print(found.data);
    return exit.done;
  }
  const known = [...registry.workflows.keys()].join(', ');
  throw new EngineError(
    'WORKFLOW_UNKNOWN',
    `There is no workflow '${name.slice(0, 64)}'; known are ${known || 'none'}.`,
  );
}

function wrong(what: string): EngineError {
  return new EngineError('INPUT_INVALID', `tutti workflow ${what}; see: tutti help workflow`);
}
