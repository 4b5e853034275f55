import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { type Listening, listen } from '../../../core/service/api/app.ts';
import { answerProblems } from '../../../core/service/api/problem.ts';
import { offersOf } from '../../../core/service/mcp/catalogue.ts';
import { transportRoutes } from '../../../core/service/mcp/routes.ts';
import { buildServer } from '../../../core/service/mcp/server.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';
import { addFixtures } from './conformance-server.ts';
import { partsOf, servedConfig } from './served.ts';

const suite = fileURLToPath(
  new URL('../../../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url),
);

/**
 * What needs a session, which Tutti keeps none of (docs/mcp-server.md): questions of a server to its clients, whose answers come in requests
 * of their own, and streams that a client comes back to.
 */
const needingSessions = [
  'tools-call-sampling',
  'tools-call-elicitation',
  'elicitation-sep1034-defaults',
  'elicitation-sep1330-enums',
  'server-sse-polling',
  'server-sse-multiple-streams',
];

describe('the conformance suite of the protocol', () => {
  let tutti: TestEngine;
  let server: Listening;

  before(async () => {
    tutti = await openTestEngine(servedConfig);
    const closing = new AbortController();
    const parts = await partsOf(tutti, closing.signal);
    const offers = offersOf(parts)();
    const app = express();
    app.locals.closing = closing;
    app.use(
      transportRoutes(
        { ...parts, requestsPerMinute: 10_000 },
        {
          build: (caller) => addFixtures(buildServer(parts, { offers: offers.values(), caller })),
          neededBy: () => null,
        },
      ),
      answerProblems(() => {}),
    );
    server = await listen(app, { port: 0 });
  });
  after(async function () {
    await server.close();
    await tutti.close(this);
  });

  it('passes against our server, but for what needs a session', async function () {
    verifies('R5.mcp-server');
    this.timeout(240_000);
    const failing = `server:\n${needingSessions.map((each) => `  - ${each}\n`).join('')}`;
    using folder = scratchFolder({ 'expected.yml': failing });

    const { code, output } = await run(folder.path, [
      ...['server', '--suite', 'all', '--url', `${server.url}/mcp`],
      ...['--expected-failures', 'expected.yml'],
    ]);

    assert.equal(code, 0, output);
    assert.match(output, /tools-call-with-progress/);
  });
});

async function run(
  cwd: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn(process.execPath, [suite, ...args], { cwd });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}
