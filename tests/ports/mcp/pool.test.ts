import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';
import { aCaller, call, failureOf, fixture, isAlive, McpLab } from './lab.ts';

describe('the pool of MCP sessions', () => {
  let lab: McpLab;
  beforeEach(() => {
    lab = new McpLab();
  });
  afterEach(() => lab.close());

  it('serves 300 agents at once with one process', async () => {
    verifies('R5.mcp-client');
    const pool = lab.open({ servers: { tools: lab.tools() } });

    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, agent) =>
        call(pool, ['echo', { text: String(agent) }], aCaller({ agent: `a.b${agent}` })),
      ),
    );

    assert.deepEqual(
      answers.map(({ text }) => Number(text)),
      Array.from({ length: 300 }).map((_, i) => i),
    );
    assert.equal(lab.started().length, 1);
  });

  it('makes a profile once for 500 who ask for it at the same time', async () => {
    verifies('R3.profile');
    const pool = lab.open({ servers: { tools: lab.tools() } });

    const pids = await Promise.all(Array.from({ length: 500 }, () => call(pool, ['whoami'])));

    assert.equal(new Set(pids.map(({ text }) => text)).size, 1);
    assert.equal(lab.started().length, 1);
    const [profile, ...more] = pool.servers()[0]?.profiles ?? [];
    assert.deepEqual(more, []);
    assert.partialDeepStrictEqual(profile, {
      ...{ server: 'tools', model: 'm', policy: 'standard' },
      ...{ calls: 500, failures: 0, running: 0, sessions: 1 },
    });
  });

  it('shares a session between names, models and policies with the same configuration, and counts them apart', async () => {
    const pool = lab.open({
      servers: { one: lab.tools(), two: lab.tools(), own: lab.tools({ A: '1' }) },
      policies: { careful: { agents: ['desk.*'] } },
    });

    await call(pool, ['whoami', {}, 'one'], aCaller({ model: 'large' }));
    await call(pool, ['whoami', {}, 'one'], aCaller({ model: 'small', agent: 'desk.clerk' }));
    await call(pool, ['whoami', {}, 'two']);
    await call(pool, ['whoami', {}, 'own']);

    assert.equal(lab.started().length, 2);
    const counted = pool.servers().flatMap(({ profiles }) => profiles);
    assert.deepEqual(
      counted.map(({ server, model, policy, calls, sessions }) => [
        server,
        model,
        policy,
        calls,
        sessions,
      ]),
      [
        ['one', 'large', 'standard', 1, 1],
        ['one', 'small', 'careful', 1, 0],
        ['two', 'm', 'standard', 1, 0],
        ['own', 'm', 'standard', 1, 1],
      ],
    );
  });

  it('fails the calls of a process that is killed, each by its code, and starts another for the next', async () => {
    const pool = lab.open({ servers: { tools: lab.tools() } });
    await call(pool, ['whoami']);
    const pending = Array.from({ length: 5 }, () => failureOf(call(pool, ['wait'])));
    await eventually(() => pool.servers()[0]?.session?.calls === 5);

    process.kill(lab.started()[0] as number, 'SIGKILL');

    for (const [code] of await Promise.all(pending)) assert.equal(code, 'MCP_SERVER_FAILED');
    assert.equal((await call(pool, ['echo', { text: 'again' }])).text, 'again');
    assert.equal(lab.started().length, 2);
    assert.equal(pool.servers()[0]?.profiles[0]?.failures, 5);
  });

  it('takes calls that waited for their turn at a lost session to the next one', async () => {
    const pool = lab.open({ servers: { tools: lab.tools() }, maxCallsPerSession: 1 });
    await call(pool, ['whoami']);
    const lost = failureOf(call(pool, ['wait']));
    await eventually(() => pool.servers()[0]?.session?.calls === 1);
    const waiting = Array.from({ length: 20 }, () => call(pool, ['whoami']));
    await eventually(() => pool.servers()[0]?.session?.calls === 21);

    process.kill(lab.started()[0] as number, 'SIGKILL');

    assert.equal((await lost)[0], 'MCP_SERVER_FAILED');
    const pids = await Promise.all(waiting);
    assert.deepEqual(
      new Set(pids.map(({ text }) => Number(text))),
      new Set(lab.started().slice(1)),
    );
    assert.equal(lab.started().length, 2);
  });

  it('lets so many calls at once onto a session, the others in order', async () => {
    const pool = lab.open({ servers: { tools: lab.tools() }, maxCallsPerSession: 3 });

    const peaks = await Promise.all(Array.from({ length: 12 }, () => call(pool, ['peak'])));

    assert.equal(Math.max(...peaks.map(({ text }) => Number(text))), 3);
  });

  it('ends a call that nobody waits for any more, and keeps the session', async () => {
    const pool = lab.open({ servers: { tools: lab.tools() } });
    await call(pool, ['whoami']);
    const given = new AbortController();
    const pending = call(pool, ['wait'], aCaller({ signal: given.signal }));
    await eventually(() => pool.servers()[0]?.session?.calls === 1);

    given.abort(new Error('given up'));

    await assert.rejects(pending, /given up/);
    await call(pool, ['whoami']);
    assert.equal(lab.started().length, 1);
  });

  it('closes a session that nobody uses for long enough', async () => {
    const clock = new FakeClock();
    const pool = lab.open({ servers: { tools: lab.tools() }, idleMs: 60_000 }, { clock });
    await call(pool, ['whoami']);
    const [pid] = lab.started() as [number];

    clock.pass(59_000);
    assert.ok(isAlive(pid));
    clock.pass(90_000);

    await eventually(() => !isAlive(pid));
    assert.equal(pool.servers()[0]?.session, null);
    await call(pool, ['whoami']);
    assert.equal(lab.started().length, 2);
  });

  it('ends a server that does not answer any more', async () => {
    const clock = new FakeClock();
    const pool = lab.open({ servers: { tools: lab.tools() } }, { clock });
    await call(pool, ['whoami']);
    const [pid] = lab.started() as [number];

    process.kill(pid, 'SIGSTOP');
    clock.pass(31_000);

    await eventually(() => !isAlive(pid));
    await call(pool, ['whoami']);
    assert.equal(lab.started().length, 2);
  });

  it('waits longer each time before it starts a server that ends at once', async () => {
    const clock = new FakeClock();
    const ending = { command: process.execPath, args: ['-e', 'process.exit(3)'] };
    const pool = lab.open({ servers: { tools: ending } }, { clock });
    const attempt = (): Promise<readonly [string, string]> => failureOf(call(pool, ['whoami']));

    assert.equal((await attempt())[0], 'MCP_SERVER_FAILED');
    // The second is at once, the third after half a second.
    assert.equal((await attempt())[0], 'MCP_SERVER_FAILED');
    const third = attempt();
    const armed = await eventually(() => clock.nextAt);
    assert.equal(armed - clock.now(), 500);
    clock.pass(500);
    assert.equal((await third)[0], 'MCP_SERVER_FAILED');
    const fourth = attempt();
    assert.equal((await eventually(() => clock.nextAt)) - clock.now(), 1_000);
    clock.pass(1_000);
    await fourth;
  });

  it('leaves nothing behind: not a stubborn server, nor the child of a launcher', async () => {
    verifies('R5.mcp-close');
    const { command, args = [] } = lab.tools();
    const launched = { command: 'sh', args: ['-c', '"$@"; true', 'launcher', command, ...args] };
    const env = { PIDS: lab.pids, STUBBORN: '1' };
    const pool = lab.open({
      servers: { stubborn: lab.tools({ STUBBORN: '1' }), launched: { ...launched, env } },
    });
    await call(pool, ['whoami', {}, 'stubborn']);
    await call(pool, ['whoami', {}, 'launched']);
    assert.equal(lab.started().filter(isAlive).length, 2);

    await pool.close();

    assert.deepEqual(lab.started().filter(isAlive), []);
    assert.equal((await failureOf(call(pool, ['whoami', {}, 'launched'])))[0], 'MCP_SERVER_FAILED');
    await pool.close();
  });

  it('closes while a server is still starting', async () => {
    const pool = lab.open({ servers: { tools: fixture('mcp-silent.ts', { PIDS: lab.pids }) } });
    const pending = failureOf(call(pool, ['whoami']));
    await eventually(() => lab.started().length === 1);

    await pool.close();

    assert.equal((await pending)[0], 'MCP_SERVER_FAILED');
  });
});
