import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { briefFlags, briefly } from '../../support/brief-flags.ts';
import { compileCacheEnv } from '../../support/compile-cache.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';

const suite = fileURLToPath(
  new URL('../../../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url),
);
const client = fileURLToPath(
  new URL('../../support/fixtures/mcp-conformance-client.ts', import.meta.url),
);

/** What concerns a client that calls tools, without a person beside it. */
const concerned: readonly string[] = [
  'initialize',
  'tools_call',
  'sse-retry',
  'auth/client-credentials-basic',
  'auth/resource-mismatch',
];

const byPerson = 'the authorization code flow: a person in a browser; agents run by night';
/** What is not done, and why; docs/mcp.md says the same. */
const skipped: Readonly<Record<string, string>> = {
  'elicitation-sep1034-client-defaults':
    'elicitation is not offered: a server may not ask people through an agent',
  'auth/metadata-default': byPerson,
  'auth/metadata-var1': byPerson,
  'auth/metadata-var2': byPerson,
  'auth/metadata-var3': byPerson,
  'auth/basic-cimd': byPerson,
  'auth/scope-from-www-authenticate': byPerson,
  'auth/scope-from-scopes-supported': byPerson,
  'auth/scope-omitted-when-undefined': byPerson,
  'auth/scope-step-up': byPerson,
  'auth/scope-retry-limit': byPerson,
  'auth/token-endpoint-auth-basic': byPerson,
  'auth/token-endpoint-auth-post': byPerson,
  'auth/token-endpoint-auth-none': byPerson,
  'auth/pre-registration': byPerson,
  'auth/2025-03-26-oauth-metadata-backcompat': byPerson,
  'auth/2025-03-26-oauth-endpoint-fallback': byPerson,
  'auth/offline-access-scope': byPerson,
  'auth/offline-access-not-supported': byPerson,
  'auth/client-credentials-jwt': 'credentials are a secret; keys are not offered',
  'auth/cross-app-access-complete-flow': "a person's identity of another application",
};

describe('the official conformance suite, as a client', () => {
  it('has no scenario that is neither run nor left out with a reason', async () => {
    const { output } = await run('list', '--client');
    const listed = [...output.matchAll(/^ {2}- (\S+)/gm)].map(([, name]) => name);

    assert.ok(listed.length > 20);
    assert.deepEqual(listed.toSorted(), [...concerned, ...Object.keys(skipped)].toSorted());
  });

  for (const scenario of concerned) {
    it(`passes ${scenario}`, async () => {
      verifies('R5.mcp-client');
      const command = [process.execPath, ...briefFlags, client].join(' ');

      // On a busy machine a client may come late; one that keeps a time of its own comes late each time.
      const { code, output } = await eventually(async () => {
        const ended = await run('client', '--command', command, '--scenario', scenario);
        return / reconnected (slightly|very) late /.test(ended.output) ? null : ended;
      });

      assert.equal(code, 0, output.slice(-4_000));
      assert.match(output, /Passed: (\d+)\/\1, 0 failed, 0 warnings/);
    });
  }
});

async function run(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly output: string }> {
  return await new Promise((resolve) => {
    execFile(
      process.execPath,
      [...briefly, suite, ...args],
      { env: { ...process.env, ...compileCacheEnv }, timeout: 60_000, maxBuffer: 10_000_000 },
      (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
    );
  });
}
