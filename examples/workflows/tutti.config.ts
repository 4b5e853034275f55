import { defineConfig, workflowFile } from 'tutti';
import { compliance } from '../../modules/compliance/index.ts';
import { finance } from '../../modules/finance/index.ts';
import { hr } from '../../modules/hr/index.ts';
import { inventory } from '../../modules/inventory/index.ts';

const names = ['basic', 'parallel', 'erp-multi-module', 'content-analysis', 'data-processing'];
const kinds = [
  ...['task', 'tool', 'foreach', 'reduce', 'compute'],
  ...['gate', 'switch', 'approval', 'wait', 'workflow'],
];
const documents = [...names, ...kinds.map((kind) => `nodes/${kind}`)];

/** The workflows of this folder: `tutti run basic --config examples/workflows/tutti.config.ts`. */
// biome-ignore lint/style/noDefaultExport: a configuration is the default export of its file
export default defineConfig({
  modules: [hr, inventory, finance, compliance],
  workflows: documents.map((name) => workflowFile(new URL(`${name}.yaml`, import.meta.url))),
});
