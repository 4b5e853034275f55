import { fileURLToPath } from 'node:url';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import type { Ground } from '../../worker/machines/ground.ts';
import type { ThreadSetup } from '../../worker/pool/lane.ts';
import machines from './fixtures/machines.config.ts';
import { labSetup } from './lab-pool.ts';

const registry = loadRegistry(machines, sharedEntities);
const setup: ThreadSetup = {
  ...labSetup,
  configUrl: new URL('./fixtures/machines.config.ts', import.meta.url).href,
  digest: registry.digest,
};
/** What both sides have in common, where a test does not look at what it is. */
const ground: Ground = {
  ...{ release: '1.2.3', journal: 5 },
  ...{ code: 'code', models: 'models', database: 'database' },
};
const paper = (name: string): string =>
  fileURLToPath(new URL(`./fixtures/machines/${name}.pem`, import.meta.url));

/** What threads need to load the module whose agents run on other machines, that module, and the certificates of both sides. */
export const machinesSetup = { setup, registry, ground, paper };
