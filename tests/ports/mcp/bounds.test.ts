import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { aCaller, call, failureOf, isAlive, McpLab } from './lab.ts';

describe('the bounds of MCP sessions', () => {
  let lab: McpLab;
  beforeEach(() => {
    lab = new McpLab();
  });
  afterEach(() => lab.close());

  function two() {
    return { one: lab.tools({ N: '1' }), two: lab.tools({ N: '2' }) };
  }

  it('ends the session that nobody uses when all places are taken', async () => {
    const pool = lab.open({ servers: two(), maxSessions: 1 });

    await call(pool, ['whoami', {}, 'one']);
    await call(pool, ['whoami', {}, 'two']);

    const [first, second] = lab.started();
    assert.ok(!isAlive(first as number) && isAlive(second as number));
  });

  it('keeps whoever finds all places in use waiting, then says so', async () => {
    const clock = new FakeClock();
    const pool = lab.open({ servers: two(), maxSessions: 1, waitMs: 20_000 }, { clock });
    await call(pool, ['whoami', {}, 'one']);
    const given = new AbortController();
    const inUse = call(pool, ['wait', {}, 'one'], aCaller({ signal: given.signal }));
    await eventually(() => pool.servers()[0]?.session?.calls === 1);

    const refused = failureOf(call(pool, ['whoami', {}, 'two']));
    await eventually(() => clock.nextAt === clock.now() + 20_000);
    clock.pass(20_000);
    assert.deepEqual(await refused, [
      'MCP_SERVER_FAILED',
      "MCP server 'two' has no place left: all 1 sessions are in use (mcp.maxSessions).",
    ]);
    const patient = call(pool, ['whoami', {}, 'two']);
    given.abort();

    await assert.rejects(inUse);
    assert.equal(Number((await patient).text), lab.started()[1]);
  });

  it('lets one run hold so many sessions, and others go on', async () => {
    const clock = new FakeClock();
    const pool = lab.open({ servers: two(), maxSessionsPerRun: 1 }, { clock });
    await call(pool, ['whoami', {}, 'one']);
    const given = new AbortController();
    const inUse = call(pool, ['wait', {}, 'one'], aCaller({ signal: given.signal }));
    await eventually(() => pool.servers()[0]?.session?.calls === 1);

    const patient = call(pool, ['whoami', {}, 'two']);
    const refused = failureOf(call(pool, ['whoami', {}, 'two']));
    await call(pool, ['whoami', {}, 'two'], aCaller({ runId: 'run-2' }));
    await call(pool, ['whoami', {}, 'one']);
    clock.pass(15_000);
    const late = call(pool, ['whoami', {}, 'two']);
    clock.pass(15_000);

    const [code, message] = await refused;
    assert.equal(code, 'MCP_SERVER_FAILED');
    assert.match(message, /run run-1 uses 1 sessions at once/);
    await assert.rejects(patient, { code: 'MCP_SERVER_FAILED' });
    given.abort();
    await assert.rejects(inUse);
    assert.equal(Number((await late).text), lab.started()[1]);
  });
});
