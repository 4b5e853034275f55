import type { Mutant } from './mutant.ts';

const pool = 'tests/ports/mcp/pool.test.ts';
const results = 'tests/ports/mcp/results.test.ts';
const bounds = 'tests/ports/mcp/bounds.test.ts';
const pins = 'tests/ports/mcp/pins.test.ts';
const remote = 'tests/ports/mcp/remote.test.ts';

/** Bugs of the sessions with MCP servers, and of what they are trusted with. */
export const mcp: readonly Mutant[] = [
  {
    id: 'mcp-a-session-for-each-caller',
    file: 'core/ports/mcp/sessions.ts',
    find: 'const slot = this.#standing(place.key) ?? ',
    replace: 'const slot = ',
    tests: [pool],
  },
  {
    id: 'mcp-the-whole-environment',
    file: 'core/ports/mcp/environment.ts',
    find: 'for (const name of inherited) {',
    replace: 'for (const name of Object.keys(own)) {',
    tests: [results],
  },
  {
    id: 'mcp-a-changed-tool-is-called',
    file: 'core/ports/mcp/pinned.ts',
    find: 'if (pin?.digest === digest) {',
    replace: 'if (pin) {',
    tests: [pins],
  },
  {
    id: 'mcp-a-change-is-not-heard',
    file: 'core/ports/mcp/pool.ts',
    find: 'onToolsChanged: () => session.forgetTools(),',
    replace: 'onToolsChanged: () => {},',
    tests: [pins],
  },
  {
    id: 'mcp-a-launchers-child-is-left',
    file: 'core/ports/mcp/process-group.ts',
    find: 'process.kill(-pid, signal);',
    replace: 'process.kill(pid, signal);',
    tests: [pool],
  },
  {
    id: 'mcp-no-wait-before-a-restart',
    file: 'core/ports/mcp/sessions.ts',
    find: 'notBefore: clock.monotonic() + (next?.duration ?? 0),',
    replace: 'notBefore: clock.monotonic(),',
    tests: [pool],
  },
  {
    id: 'mcp-a-run-holds-what-it-wants',
    file: 'core/ports/mcp/sessions.ts',
    find: 'if (!held.has(key) && held.size >= perRun) return null;',
    replace: '',
    tests: [bounds],
  },
  {
    id: 'mcp-one-session-too-many',
    file: 'core/ports/mcp/sessions.ts',
    find: 'this.#slots.size + this.#ending.size < this.#parts.limits.inTotal',
    replace: 'this.#slots.size + this.#ending.size <= this.#parts.limits.inTotal',
    tests: [bounds],
  },
  {
    id: 'mcp-calls-without-a-turn',
    file: 'core/ports/mcp/gate.ts',
    find: 'if (this.#free > 0) {',
    replace: 'if (this.#free > -1_000) {',
    tests: [pool],
  },
  {
    id: 'mcp-waiting-calls-end-with-the-process',
    file: 'core/ports/mcp/session.ts',
    find: 'if (this.isLost) return null;',
    replace: '',
    tests: [pool],
  },
  {
    id: 'mcp-credentials-for-any-issuer',
    file: 'core/ports/mcp/remote.ts',
    find: 'expectedIssuer: issuer,',
    replace: '',
    tests: [remote],
  },
  {
    id: 'mcp-a-policy-takes-every-tool',
    file: 'core/ports/mcp/policies.ts',
    find: 'if (!matches(tools, tool)) {',
    replace: 'if (tools === undefined && tool === "") {',
    tests: ['tests/ports/mcp/policies.test.ts'],
  },
  {
    id: 'mcp-what-is-granted-leaves-its-policy',
    file: 'core/engine/loop/attempt.ts',
    find: 'agent: proposerOf(run.facts) ?? registered.name, model',
    replace: 'agent: registered.name, model',
    tests: ['tests/engine/mcp/effects.test.ts'],
  },
];
