/**
 * Who may import whom. Imports point down only: service → engine → guard → ports → sdk → base; `worker` stands beside the
 * engine and uses guard and below; modules know the package `tutti` and their own files. tests/house plants a violation of
 * every rule and expects it to be found.
 */

const floors = ['base', 'sdk', 'ports', 'guard', 'engine', 'service'];

/** One rule a floor: nothing of it imports a floor above. */
const floorRules = floors.slice(0, -1).map((floor, height) => ({
  name: `floor-${floor}`,
  comment: `core/${floor} imports nothing from the floors above it.`,
  severity: 'error',
  from: { path: `^core/${floor}/` },
  to: { path: `^core/(${floors.slice(height + 1).join('|')})/` },
}));

export default {
  forbidden: [
    ...floorRules,
    {
      name: 'run-is-pure',
      comment: 'The state machine of a run knows nobody who drives, writes, stores or reads it.',
      severity: 'error',
      from: { path: '^core/engine/run/' },
      to: { path: '^core/engine/(adoption|history|journal|lease|loop|outside|store)/' },
    },
    {
      name: 'core-is-below',
      comment: 'The core knows no worker, module or command; they know it.',
      severity: 'error',
      from: { path: '^core/' },
      to: {
        path: '^(worker|modules|bin|scripts)/|^tutti\\.config\\.ts$',
      },
    },
    {
      name: 'core-has-no-front-door-inside',
      comment: 'core/index.ts is for those outside; inside, every file imports what it needs.',
      severity: 'error',
      from: { path: '^core/[^/]+/' },
      to: { path: '^core/index\\.ts$' },
    },
    {
      name: 'sdk-is-data',
      comment: 'The public SDK is made of declarations: sdk and base, and the types of ports.',
      severity: 'error',
      from: { path: '^core/index\\.ts$' },
      to: { path: '^core/(guard|engine|service)/' },
    },
    {
      name: 'console-talks-http',
      comment: 'The console runs in browsers: React and its own files, and the API by HTTP alone.',
      severity: 'error',
      from: { path: '^core/service/console/' },
      to: { pathNot: '^core/service/console/|^node_modules/(@types/)?react(-dom)?/' },
    },
    {
      name: 'nothing-imports-the-console',
      comment: 'It is bundled for browsers; the server hands out the bundle.',
      severity: 'error',
      from: { pathNot: '^core/service/console/' },
      to: { path: '^core/service/console/' },
    },
    {
      name: 'worker-is-beside-the-engine',
      comment:
        'A thread has the guard and what is below; counters and tables are the engine’s, by message.',
      severity: 'error',
      from: { path: '^worker/' },
      to: { path: '^core/(engine|service)/|^(modules|bin|scripts)/' },
    },
    {
      name: 'module-knows-tutti-only',
      comment:
        'A module imports the package tutti and its own files: no sibling, no other package, nothing inside the core.',
      severity: 'error',
      from: { path: '^modules/([^/]+)/', pathNot: '^modules/general/' },
      to: { pathNot: ['^modules/$1/', '^core/index\\.ts$'] },
    },
    {
      name: 'general-knows-kept-libraries',
      comment:
        'The general tools are one page each on a kept library; each of these is named here.',
      severity: 'error',
      from: { path: '^modules/general/' },
      to: {
        pathNot: [
          '^modules/general/',
          '^core/index\\.ts$',
          '^node_modules/(@types/)?(pdfkit|cheerio|yaml)/',
          // Of Node's own, what reaches nothing outside of the process.
          '^(node:)?(crypto|module|vm|worker_threads)$',
        ],
      },
    },
    {
      name: 'module-says-tutti',
      comment: 'A module writes `tutti`, as a module of a third party must.',
      severity: 'error',
      from: { path: '^modules/' },
      to: { path: '^core/', dependencyTypes: ['local'] },
    },
    {
      name: 'module-composition',
      comment: 'A workflow over several modules takes them by their manifests.',
      severity: 'error',
      from: { path: '^modules/[^/]+\\.ts$' },
      to: { pathNot: ['^modules/[^/]+/index\\.ts$', '^modules/[^/]+\\.ts$', '^core/index\\.ts$'] },
    },
    {
      name: 'truth-is-for-tests',
      comment: 'The sample knows what is planted; agents, tools and workflows must find it.',
      severity: 'error',
      from: { path: '^modules/[^/]+/(agents|tools|workflows)/' },
      to: { path: '^modules/[^/]+/sample', reachable: true },
    },
    {
      name: 'nothing-imports-tests',
      comment: 'What runs does not depend on what tests it.',
      severity: 'error',
      from: { pathNot: '^(tests|bench|examples|scripts)/' },
      to: { path: '^(tests|bench|examples)/' },
    },
    {
      name: 'no-cycle',
      comment: 'Types count: two files that need each other are one, or hide a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment:
        'Every import leads to a file or an installed package. The packages in examples find tutti where tests install them.',
      severity: 'error',
      from: { pathNot: '^examples/modules/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared-package',
      comment:
        'What runs in production is in dependencies; what only tests or builds is in devDependencies.',
      severity: 'error',
      // What the console's bundle holds is needed to build it alone.
      from: { path: '^(core|worker|modules|bin)/', pathNot: '^core/service/console/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot: '/node_modules/@types/',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    skipAnalysisNotInRules: true,
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
