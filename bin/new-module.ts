import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineError } from '../core/base/errors.ts';
import { ownModule } from '../core/sdk/check-module.ts';

/** Writes a new module into a folder of its name; returns the paths of its files. @throws INPUT_INVALID for a name that no module may have, or a folder that is there */
export function writeModule(parent: string, name: string): readonly string[] {
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(name) || name === ownModule)
    throw wrong(`'${name.slice(0, 64)}' is no name for a module; use lower snake case`);
  const folder = join(parent, name);
  if (existsSync(folder)) throw wrong(`'${folder}' is there already; take another name`);
  const files = Object.entries(filesOf(name));
  for (const [file, text] of files) {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return files.map(([file]) => join(name, file));
}

function wrong(what: string): EngineError {
  return new EngineError('INPUT_INVALID', `${what}.`);
}

/** The files of a module that reports what is overdue, by path. */
function filesOf(name: string): Readonly<Record<string, string>> {
  const value = name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const entity = `${name}_item`;
  return {
    'index.ts': index(name, value),
    'records.ts': records(entity),
    'list-items.ts': tool(name, entity),
    'check-items.ts': agent(name, entity),
    'items-check.ts': workflow(name),
    'policies.ts': policies(name),
    'test/check-items.test.ts': test(name, entity),
    'README.md': readme(name, value),
  };
}

const index = (name: string, value: string): string => `import { defineModule } from 'tutti';
import { checkItems } from './check-items.ts';
import { itemsCheck } from './items-check.ts';
import { listItems } from './list-items.ts';
import { policy } from './policies.ts';
import { item } from './records.ts';

/** Everything that the module brings. */
export const ${value} = defineModule({
  name: '${name}',
  version: '1.0.0',
  records: [item],
  tools: [listItems],
  agents: [checkItems],
  workflows: [itemsCheck],
  policies: [policy],
});
`;

const records = (entity: string): string => `import { defineEntity, field } from 'tutti';

/** What the module keeps in the ERP. */
export const item = defineEntity('${entity}', {
  code: field.code(),
  /** Code of the company that it belongs to. */
  company: field.code(),
  /** The last day on which it is in time. */
  due: field.date(),
  status: field.oneOf('open', 'done'),
});

declare module 'tutti' {
  interface Entities {
    ${entity}: typeof item;
  }
}
`;

const tool = (name: string, entity: string): string => `import { defineTool, Id, z } from 'tutti';
import './records.ts';

/** The open items of a company. */
export const listItems = defineTool({
  name: '${name}.item.list',
  description: 'Lists the open items of a company, with the day on which each is due.',
  effect: 'read',
  parameters: z.object({ company: z.string() }),
  result: z.array(z.object({ id: Id('${entity}'), code: z.string(), due: z.iso.date() })),
}).handler(async ({ company }, { erp }) => {
  const items = await erp.${entity}.list({ company, status: 'open' });
  return items.map(({ id, code, due }) => ({ id, code, due }));
});
`;

const agent = (name: string, entity: string): string => `import { defineAgent, z } from 'tutti';
import { listItems } from './list-items.ts';

/** Finds the items of one company that are overdue. */
export const checkItems = defineAgent({
  name: 'check_items',
  purpose: 'Finds open items that are overdue.',
  input: z.object({ company: z.string() }),
  output: z.object({ checked: z.int(), overdue: z.int() }),
  model: 'fast',
  critical: false,
  limits: { turns: 4 },
  tools: { listItems },
  findings: { 'item.overdue': 'The item is open, and its day is before the business date.' },
  instructions:
    'List the items of the company of your input with ${name}.item.list. Report a finding for each that is overdue, with the item as its only record; never report the others.',
}).playbook(async ({ input, tools, finding, today }) => {
  const items = await tools.listItems({ company: input.company });
  const overdue = items.filter(({ due }) => due < today);
  for (const { id, code, due } of overdue) {
    finding({
      kind: 'item.overdue',
      severity: 'medium',
      company: input.company,
      records: [{ entity: '${entity}', id }],
      summary: \`Item \${code} was due on \${due}.\`,
    });
  }
  return { checked: items.length, overdue: overdue.length };
});
`;

const workflow = (name: string): string => `import { defineWorkflow, query } from 'tutti';
import { checkItems } from './check-items.ts';

/** The items of every company. */
export const itemsCheck = defineWorkflow({
  name: '${name}_check',
  partial: true,
  graph({ foreach }) {
    foreach({
      id: 'companies',
      items: query.company(),
      key: (company) => company.code,
      agent: checkItems,
      input: (company) => ({ company: company.code }),
      onItemFailure: 'continue',
    });
  },
});
`;

const policies = (name: string): string => `import { definePolicy } from 'tutti';

/** What the module's agents change is proposed to people; grant \`act\` where they may do it by themselves. */
export const policy = definePolicy({
  name: '${name}',
  grants: [{ agents: ['${name}.*'], autonomy: 'propose' }],
});
`;

const test = (name: string, entity: string): string => `import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fixtureConnector, runAgent } from 'tutti/testing';
import { checkItems } from '../check-items.ts';
import { item } from '../records.ts';

it('reports the items that are overdue, and no others', async () => {
  const row = (id: string, due: string) => ({
    ...{ id, version: '1', code: \`I-\${id}\`, company: 'DE', due, status: 'open' },
  });
  const rows = [row('1', '2026-06-29'), row('2', '2026-06-30')];

  const { output, findings } = await runAgent(checkItems, {
    module: '${name}',
    input: { company: 'DE' },
    connector: fixtureConnector([item], new Map([['${entity}', rows]])),
    entities: [item],
    today: '2026-06-30',
  });

  assert.deepEqual(output, { checked: 2, overdue: 1 });
  assert.deepEqual(
    findings.map(({ records }) => records[0]?.id),
    ['1'],
  );
});
`;

const readme = (name: string, value: string): string => `# ${name}

| file | what it declares |
| --- | --- |
| \`records.ts\` | the entity \`${name}_item\`, and its type for \`erp.${name}_item\` |
| \`list-items.ts\` | the tool by which agents read items |
| \`check-items.ts\` | the agent: schemas, instructions, playbook |
| \`items-check.ts\` | the workflow: the agent once for each company |
| \`policies.ts\` | how far its agents may go |
| \`index.ts\` | the module |

\`npx node --test ${name}/test/*.test.ts\` tests it. \`tutti.config.ts\` imports it (\`modules: [${value}]\`), or lets it be loaded while Tutti runs:
\`loadable: { ${name}: './${name}/index.ts' }\`, then \`tutti modules load ${name}\`.
`;
