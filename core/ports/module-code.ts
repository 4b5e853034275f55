import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { EngineError, isEngineError } from '../base/errors.ts';
import type { Module } from '../sdk/module.ts';
import type { Config } from './config.ts';

/** A module that is loaded while Tutti runs. */
export interface ModuleRef {
  /** As the configuration's `loadable` names it. */
  readonly name: string;
  /** Rises with each load: code of another generation is read from the files anew. */
  readonly generation: number;
}

/** The modules that a process has. */
export interface PresentModules {
  /** Those that were loaded while it ran, as it has read them. */
  readonly loaded: readonly ModuleRef[];
  /** Names of the configuration's own. */
  readonly configured: readonly string[];
}

/** A module as it was read. */
export interface ReadModule {
  readonly module: Module;
  /** SHA-256 of the files that were read, hex. */
  readonly code: string;
}

/** Where modules are looked up. */
export interface ModuleSource {
  readonly config: Pick<Config, 'loadable'>;
  /** Paths and packages are looked up from here. */
  readonly configUrl: string;
}

/** Where a module is found: a package, or a path from the configuration. @throws MODULE_NOT_LOADABLE */
export function sourceOf({ loadable = {} }: Pick<Config, 'loadable'>, name: string): string {
  const source = Object.hasOwn(loadable, name) ? loadable[name] : undefined;
  if (source !== undefined) return source;
  const names = Object.keys(loadable).join(', ') || 'none';
  throw new EngineError(
    'MODULE_NOT_LOADABLE',
    `The configuration does not say that '${name.slice(0, 64)}' may be loaded (loadable: ${names}); name it there, with the place where it is found, and restart.`,
  );
}

/**
 * Reads the code of a module. What lies in the folder of its first file is read anew for each generation; everything else it imports is
 * what this thread has already, other such modules as they were read last. Code that was read once stays in memory, whatever becomes of the module.
 * @throws MODULE_NOT_LOADABLE · MODULE_INVALID saying why it could not be read
 */
export async function readModule(source: ModuleSource, ref: ModuleRef): Promise<ReadModule> {
  const found = sourceOf(source.config, ref.name);
  hook();
  const asked = { found, parent: source.configUrl, ...ref };
  const exported = await importAll(ref.name, scheme + encodeURIComponent(JSON.stringify(asked)));
  const module = Object.values(exported).find((each) => isModule(each, ref.name));
  if (module) return { module: module as Module, code: digestOf(tagOf(ref)) };
  throw unfit(
    ref.name,
    `'${found}' exports no module of that name; export what defineModule gives`,
  );
}

/** Reads modules one after the other: a later one may import from an earlier. @throws MODULE_NOT_LOADABLE · MODULE_INVALID */
export async function readModules(
  source: ModuleSource,
  refs: readonly ModuleRef[],
): Promise<readonly ReadModule[]> {
  const read: ReadModule[] = [];
  for (const ref of refs) read.push(await readModule(source, ref));
  return read;
}

/** A configuration with modules beside its own. */
export function withModules(config: Config, read: readonly Pick<ReadModule, 'module'>[]): Config {
  return read.length === 0
    ? config
    : { ...config, modules: [...config.modules, ...read.map(({ module }) => module)] };
}

const scheme = 'tutti-module:';
/** The files of each module and generation, and the folder that they lie in. */
const read = new Map<string, { readonly folder: string; readonly files: Set<string> }>();
let isHooked = false;

const tagOf = ({ name, generation }: ModuleRef): string => `tutti-module=${name}.${generation}`;

/** Files of a module carry its name and generation in their URL, for a URL is read once. */
function hook(): void {
  if (isHooked) return;
  isHooked = true;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier.startsWith(scheme)) {
        const { found, parent, ...ref } = JSON.parse(
          decodeURIComponent(specifier.slice(scheme.length)),
        ) as ModuleRef & { readonly found: string; readonly parent: string };
        const first = next(found, { ...context, parentURL: parent });
        const tag = tagOf(ref);
        read.set(tag, { folder: new URL('.', first.url).href, files: new Set([first.url]) });
        return { ...first, url: `${first.url}?${tag}` };
      }
      const resolved = next(specifier, context);
      const tag = context.parentURL?.split('?')[1] ?? '';
      const own = read.get(tag);
      if (!own) return resolved;
      if (isIn(own.folder, resolved.url)) own.files.add(resolved.url);
      const found = isIn(own.folder, resolved.url) ? tag : newestOf(resolved.url);
      return found === undefined ? resolved : { ...resolved, url: `${resolved.url}?${found}` };
    },
  });
}

/** The module that was read last of those that a file is of: who imports from another one gets what is loaded, and not a second one of it. */
function newestOf(url: string): string | undefined {
  return [...read].findLast(([, { folder }]) => isIn(folder, url))?.[0];
}

function isIn(folder: string, url: string): boolean {
  return url.startsWith(folder) && !url.slice(folder.length).includes('node_modules/');
}

function digestOf(tag: string): string {
  const { folder = '', files = new Set<string>() } = read.get(tag) ?? {};
  const hash = createHash('sha256');
  for (const file of [...files].sort())
    hash.update(`${file.slice(folder.length)}\n`).update(readFileSync(fileURLToPath(file)));
  return hash.digest('hex');
}

async function importAll(name: string, specifier: string): Promise<Record<string, unknown>> {
  try {
    return (await import(specifier)) as Record<string, unknown>;
  } catch (error) {
    if (isEngineError(error)) throw error;
    throw unfit(name, `it cannot be read: ${(error as Error)?.message ?? String(error)}`, error);
  }
}

function isModule(value: unknown, name: string): boolean {
  const { kind, name: own } = (value ?? {}) as Partial<Module>;
  return kind === 'module' && own === name;
}

function unfit(name: string, what: string, cause?: unknown): EngineError {
  return new EngineError('MODULE_INVALID', `Module '${name}': ${what}.`, { cause });
}
