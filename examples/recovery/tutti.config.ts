import { defineConfig } from 'tutti';
import { houseModel } from './house-model.ts';
import { recovery } from './module.ts';

/** Clerks whose model lives in this process and fails as each example needs it. */
// biome-ignore lint/style/noDefaultExport: a configuration is the default export of its file
export default defineConfig({
  modules: [recovery],
  models: { standard: { provider: 'house', model: 'house' } },
  providers: { house: houseModel },
  prices: { house: { input: 0, cachedInput: 0, cacheWrite: 0, output: 0 } },
  // The model counts who has asked it; one thread has one model.
  limits: { threads: 1 },
  onStepFailed({ step, agent, error, told }) {
    const whom = told.length > 0 ? told.join(', ') : 'nobody';
    console.error(`${step} (${agent}) has failed with ${error.code}; told: ${whom}.`);
  },
});
