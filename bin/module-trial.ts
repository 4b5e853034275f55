import { parentPort, workerData } from 'node:worker_threads';
import { toErrorData } from '../core/base/errors.ts';
import type { CheckedModule } from '../core/engine/modules/module-loads.ts';
import type { Config } from '../core/ports/config.ts';
import { readModules } from '../core/ports/module-code.ts';
import { readyConfig } from '../core/ports/settle-config.ts';
import { type ModuleTrial, type ModuleVerdict, registryWith } from './module-loading.ts';

/* The thread on which a module is tried: it loads what an engine would, says what came of it, and ends. */
const trial = workerData as ModuleTrial;
const verdict: ModuleVerdict = await load(trial).then(
  (checked) => ({ checked }),
  (error: unknown) => ({ error: toErrorData(error, 'MODULE_INVALID') }),
);
parentPort?.postMessage(verdict);

async function load({ configUrl, profile, modules, name }: ModuleTrial): Promise<CheckedModule> {
  const { default: file } = (await import(configUrl)) as { readonly default: unknown };
  const env = { ...process.env, ...(profile && { TUTTI_PROFILE: profile }) };
  const config: Config = readyConfig(file, { env, where: configUrl });
  const read = await readModules({ config, configUrl }, modules);
  const own = read.map(({ module }) => module);
  registryWith(config, own);
  const found = read.find(({ module }) => module.name === name);
  return { version: String(found?.module.version), code: found?.code ?? '' };
}
