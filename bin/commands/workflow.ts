import { checkWorkflow } from '../../core/engine/graph/check.ts';
import { readDocument } from '../../core/sdk/document/document.ts';
import { writeDocument } from '../../core/sdk/document/document-writer.ts';
import type { Registry } from '../../core/sdk/registry.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { actionIn } from '../arguments.ts';
import { hostOptions } from '../call-reading.ts';
import { type Call, type Command, exit } from '../command.ts';
import { openConfig } from '../configuration.ts';
import { oneLine, type Terminal, table } from '../terminal.ts';
import { makeFromTemplate, templates } from '../workflow-templates.ts';
import { readText, storedData, versionActions, wrong } from '../workflow-versions.ts';

type Action = (call: Call, named: readonly string[]) => Promise<number>;

const actions: Readonly<Record<string, Action>> = {
  ...{ check, list, show, ...versionActions },
  ...{ templates, new: makeFromTemplate },
};

/** `tutti workflow`: checks documents, shows what is loaded, keeps versions, and begins a new one from a template. */
export const workflow: Command = async (call) => {
  const [action = '', ...named] = call.args.positionals;
  return actionIn('workflow', actions, action)(call, named);
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
  const { registry } = await openConfig(hostOptions(call));
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
  const { registry } = await openConfig(hostOptions(call));
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

async function show(call: Call, named: readonly string[]): Promise<number> {
  const [name, more] = named;
  if (name === undefined || more !== undefined) throw wrong('show needs one NAME');
  const version = call.args.integer('version', { from: 1, to: 2 ** 31 - 1 });
  const { registry } = await openConfig(hostOptions(call));
  const loaded = version === undefined ? registry.workflows.get(name)?.data : undefined;
  const data = loaded ?? (await storedData(call, name, version));
  if (!call.args.has('yaml')) call.terminal.print(data);
  else {
    const { yaml, losses } = writeDocument(data);
    call.terminal.draw(yaml);
    for (const loss of losses) call.terminal.warn(loss);
  }
  return exit.done;
}
