import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { EngineError } from '../../core/base/errors.ts';
import type { ConsoleBundle, ConsoleFile } from '../../core/service/api/console.ts';

/** Where `npm run build` leaves the console: in the package, and never in a checkout. */
const built = new URL('../../core/service/console/built/', import.meta.url);

interface Bundler {
  bundleConsole(): Promise<ConsoleBundle>;
  consoleChangedAt(): number;
}

/** The web console: of the package as it was built, of a checkout bundled when it is first asked for, and again once a source has changed. */
export function consoleOf(): () => Promise<ConsoleBundle> {
  let ready: { readonly at: number; readonly bundle: Promise<ConsoleBundle> } | undefined;
  return async () => {
    if (existsSync(built)) {
      ready ??= { at: 0, bundle: Promise.resolve(readBuilt()) };
      return ready.bundle;
    }
    const { bundleConsole, consoleChangedAt } = await loadBundler();
    const at = consoleChangedAt();
    if (ready?.at !== at) ready = { at, bundle: bundleConsole() };
    return ready.bundle;
  };
}

/** Not by its name: the package has neither this file nor what it needs. @throws ROUTE_UNKNOWN */
async function loadBundler(): Promise<Bundler> {
  const bundler = String(new URL('../../scripts/console-bundle.ts', import.meta.url));
  return import(bundler).catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new EngineError(
      'ROUTE_UNKNOWN',
      'There is no console here: what bundles it is a development dependency; install those, or use the package.',
      { cause },
    );
  });
}

function readBuilt(): ConsoleBundle {
  const read = (name: string): Buffer => readFileSync(new URL(name, built));
  const types = JSON.parse(String(read('types.json'))) as Readonly<Record<string, string>>;
  const files = readdirSync(built).flatMap((name): readonly (readonly [string, ConsoleFile])[] => {
    const type = types[name];
    return type === undefined ? [] : [[name, { type, body: read(name) }]];
  });
  return { page: String(read('page.html')), files: new Map(files) };
}
