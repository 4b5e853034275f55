import type { Mutant } from './mutant.ts';

const guard = 'tests/guard/outside.test.ts';
const calls = 'tests/engine/mcp/calls.test.ts';
const effects = 'tests/engine/mcp/effects.test.ts';
const trifecta = 'tests/engine/graph/trifecta.test.ts';

/** What tools reach beyond the ERP, and where their calls go. */
export const outside: readonly Mutant[] = [
  {
    id: 'a-draft-may-send',
    file: 'core/guard/outside.ts',
    find: "return tool.effect === 'send' ? told",
    replace: "return tool.effect !== 'read' ? told",
    tests: [guard],
  },
  {
    id: 'every-way-is-declared',
    file: 'core/guard/outside.ts',
    find: 'if (!(tool.outside ?? []).includes(way)) throw undeclared(tool.name, way);',
    replace: '',
    tests: [guard],
  },
  {
    id: 'a-read-changes-the-world',
    file: 'core/guard/outside.ts',
    find: 'if (!mayWrite) return Promise.reject(onlyReads(tool.name, way));',
    replace: 'if (!mayWrite) return through(way, work);',
    tests: [guard],
  },
  {
    id: 'what-left-before-is-forgotten',
    file: 'core/guard/outside.ts',
    find: 'const result = await work();\n    onChange?.();',
    replace: 'const result = await work();',
    tests: [guard],
  },
  {
    id: 'a-node-names-its-server-in-vain',
    file: 'worker/thread/mcp.ts',
    find: 'talk.job.server ?? config?.defaultServer',
    replace: 'config?.defaultServer',
    tests: [calls],
  },
  {
    id: 'what-is-granted-goes-elsewhere',
    file: 'core/engine/approvals/apply.ts',
    find: '...(server !== null && { server }),',
    replace: '',
    tests: [effects],
  },
  {
    id: 'what-is-reached-is-trusted',
    file: 'core/engine/graph/trifecta.ts',
    find: 'outside.some((way) => textWays.includes(way))',
    replace: 'outside.length > textWays.length',
    tests: [trifecta],
  },
];
