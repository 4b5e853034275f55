import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../core/base/errors.ts';
import { checkWorkflow } from '../core/engine/graph/check.ts';
import { readDocument } from '../core/sdk/document/document.ts';
import { countOf } from '../core/service/batch/format.ts';
import { hostOptions } from './call-reading.ts';
import { type Call, exit } from './command.ts';
import { openConfig } from './configuration.ts';
import { oneLine, table } from './terminal.ts';
import { namesOf, wrong } from './workflow-versions.ts';

/** Workflows to begin with, as documents full of comments; they come with the modules whose agents they name. */
const library = new URL('../modules/templates/', import.meta.url);
const schema = new URL('../docs/workflow.schema.json', import.meta.url);

interface WorkflowTemplate {
  /** `month-end-close` */
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  readonly text: string;
}

/** The library, by name. @throws WORKFLOW_INVALID when one of its files is no workflow */
export function workflowTemplates(): readonly WorkflowTemplate[] {
  const files = readdirSync(library).filter((file) => file.endsWith('.yaml'));
  return files.sort().map((file) => {
    const text = readFileSync(new URL(file, library), 'utf8');
    const { data, faults } = readDocument(text, { file });
    if (!data)
      throw new EngineError('WORKFLOW_INVALID', `The template ${file}: ${faults[0]?.message}`);
    return { name: file.slice(0, -'.yaml'.length), about: data.description ?? '', text };
  });
}

/** `tutti workflow templates` */
export async function templates(call: Call, named: readonly string[]): Promise<number> {
  namesOf(named, 'templates', []);
  const all = workflowTemplates().map(({ name, about }) => ({ name, about }));
  if (call.terminal.isJson) call.terminal.print(all);
  else {
    for (const line of table(all.map(({ name, about }) => [name, about]))) call.terminal.say(line);
    call.terminal.say('Begin with one: tutti workflow new TEMPLATE NAME');
  }
  return exit.done;
}

/** `tutti workflow new`: writes a template under a name of its own, checks it, and says what to do next. */
export async function makeFromTemplate(call: Call, named: readonly string[]): Promise<number> {
  const [wanted = '', name = ''] = namesOf(named, 'new', ['TEMPLATE', 'NAME']);
  const all = workflowTemplates();
  const template = all.find((each) => each.name === wanted.replaceAll('_', '-'));
  if (!template) {
    const known = all.map((each) => each.name).join(', ');
    throw wrong(`new takes one of ${known}, not '${wanted.slice(0, 64)}'`);
  }
  const { terminal, args } = call;
  const { file, text } = write(template, { name, folder: args.text('dir') ?? 'workflows' });
  const errors = await errorsIn(call, { file, text });
  if (terminal.isJson) terminal.print({ file, name, template: template.name, errors });
  else {
    terminal.say(`${file}: '${name}', from the template ${template.name}.`);
    for (const error of errors) terminal.warn(oneLine(`  ${error}`));
    if (errors.length > 0)
      terminal.warn(`${countOf(errors.length, 'place')} to change for your configuration.`);
    terminal.say(`Edit it, check it:  tutti workflow check ${file}`);
    terminal.say(`Put it in force:    tutti workflow publish ${file}`);
    terminal.say(`Run it:             tutti run ${name}`);
  }
  return exit.done;
}

/** @throws INPUT_INVALID for a name that is none, and rather than write over a file */
function write(
  template: WorkflowTemplate,
  { name, folder }: { readonly name: string; readonly folder: string },
): { readonly file: string; readonly text: string } {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(name))
    throw wrong(
      `new takes a name in lower snake case of at most 64 characters, not '${name.slice(0, 64)}'`,
    );
  const file = join(folder, `${name.replaceAll('_', '-')}.yaml`);
  if (existsSync(file)) throw wrong(`new leaves '${file}' as it is; take another name, or --dir`);
  const editors = existsSync(schema)
    ? `# yaml-language-server: $schema=${relative(folder, fileURLToPath(schema))}\n`
    : '';
  const text = editors + template.text.replace(/^name: .*$/m, `name: ${name}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  return { file, text };
}

async function errorsIn(
  call: Call,
  { file, text }: { readonly file: string; readonly text: string },
): Promise<readonly string[]> {
  const { registry } = await openConfig(hostOptions(call));
  const { data, faults, locate } = readDocument(text, { file });
  if (!data) return faults.map(({ line, message }) => `${file}:${line}: ${message}`);
  return checkWorkflow(data, registry)
    .filter(({ severity }) => severity === 'error')
    .map(({ node, path, message }) => `${file}:${locate(node, path).line}: ${message}`);
}
