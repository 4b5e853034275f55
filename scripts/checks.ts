import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * What Node runs the native compiler by; what imports `typescript` has the API of the one before it. On one thread: several look at the
 * same types again, each, for half as much processor time more.
 */
export const tsc: readonly string[] = [
  join(folderOf('@typescript/native'), 'bin/tsc'),
  '--singleThreaded',
];

/** The folders that hold TypeScript sources. */
const sourceFolders = [
  'core',
  'worker',
  'modules',
  'bin',
  'tests',
  'bench',
  'examples',
  'scripts',
] as const;

/** Runs in browsers: its types know them and not Node, so it is a project of its own. */
const consoleSources = 'core/service/console';

/** What a tool said, and whether it was content. */
export interface Verdict {
  readonly passed: boolean;
  readonly output: string;
}

/** One tool that checks the whole repository. */
export interface Check {
  readonly name: 'types' | 'lint' | 'structure' | 'unused';
  /** What it is content with, for people. */
  readonly claim: string;
  readonly run: () => Promise<Verdict>;
}

/** The checks of `npm run check`, which `npm test` runs too. */
export const checks: readonly Check[] = [
  {
    name: 'types',
    claim: 'type-checks (tsc)',
    run: async () => {
      const all = await checkTypes('.');
      return all.passed ? checkTypes(consoleSources) : all;
    },
  },
  {
    name: 'lint',
    claim: 'is formatted and free of lint (biome)',
    run: () =>
      runTool('@biomejs/biome', 'bin/biome', [
        'check',
        '--colors=off',
        '--max-diagnostics=50',
        '.',
      ]),
  },
  {
    name: 'structure',
    claim: 'imports downwards only, without cycles (dependency-cruiser)',
    run: () =>
      runTool('dependency-cruiser', 'bin/dependency-cruiser.mjs', [
        '--config',
        '.dependency-cruiser.mjs',
        ...sourcePaths(),
      ]),
  },
  {
    name: 'unused',
    claim: 'has no unused file, export or dependency (knip)',
    run: () => runTool('knip', 'bin/knip.js', ['--no-progress']),
  },
];

/** The source folders that exist, and the TypeScript files beside them. */
export function sourcePaths(): readonly string[] {
  return [
    ...sourceFolders.filter((folder) => existsSync(join(root, folder))),
    ...readdirSync(root).filter((name) => name.endsWith('.ts')),
  ];
}

function checkTypes(project: string): Promise<Verdict> {
  return runNode([...tsc, '-p', project, '--pretty', 'false'], root);
}

/** Runs the command of an installed package in the repository's folder. */
function runTool(packageName: string, command: string, args: readonly string[]): Promise<Verdict> {
  return runNode([join(folderOf(packageName), command), ...args], root);
}

function folderOf(packageName: string): string {
  return join(root, 'node_modules', packageName);
}

/** Puts layout, import order and what else is safe to change right. */
export function format(): Promise<Verdict> {
  return runTool('@biomejs/biome', 'bin/biome', ['check', '--write', '--colors=off', '.']);
}

/** What dependency-cruiser saw: its files and its violations. */
export interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly violations: readonly {
    readonly rule: string;
    readonly from: string;
    readonly to: string;
  }[];
}

/** Cruises `paths` of `folder` by the rules of this repository. */
export async function cruise(folder: string, paths: readonly string[]): Promise<Cruise> {
  const { output } = await runNode(
    [
      join(folderOf('dependency-cruiser'), 'bin/dependency-cruiser.mjs'),
      '--config',
      join(root, '.dependency-cruiser.mjs'),
      '--output-type',
      'json',
      ...paths,
    ],
    folder,
  );
  const { modules, summary } = JSON.parse(output) as CruiseJson;
  return {
    modules,
    violations: summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })),
  };
}

interface CruiseJson {
  readonly modules: Cruise['modules'];
  readonly summary: {
    readonly violations: readonly {
      readonly rule: { readonly name: string };
      readonly from: string;
      readonly to: string;
    }[];
  };
}

function runNode(args: readonly string[], cwd: string): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (chunk) => output.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk) => output.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ passed: code === 0, output: output.join('').trim() }));
  });
}

/** The lint rules that the files of `folder`, which has a biome.json, break: file and rule. */
export async function lint(folder: string): Promise<readonly string[]> {
  const command = join(folderOf('@biomejs/biome'), 'bin/biome');
  const { output } = await runNode(
    [command, 'lint', '--reporter=github', '--max-diagnostics=none', '.'],
    folder,
  );
  return [...output.matchAll(/^::\w+ title=(lint\/\S+?),file=([^,]+),/gm)].map(
    ([, rule, file = '']) => `${relative(folder, resolvePath(folder, file))} ${rule}`,
  );
}
