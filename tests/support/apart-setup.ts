import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import type { ThreadSetup } from '../../worker/pool/lane.ts';
import apart from './fixtures/apart.config.ts';
import { labSetup } from './lab-pool.ts';

const registry = loadRegistry(apart, sharedEntities);
const setup: ThreadSetup = {
  ...labSetup,
  configUrl: new URL('./fixtures/apart.config.ts', import.meta.url).href,
  digest: registry.digest,
};

/** What threads need to load the modules that are kept apart, and those modules. */
export const apartSetup = { setup, registry };
