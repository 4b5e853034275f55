import assert from 'node:assert/strict';
import { machineMs } from '../../../core/engine/authority/stops.ts';
import { SettingStore } from '../../../core/engine/recovery/setting-store.ts';
import type { ToolCaller } from '../../../core/engine/tools/tool-view.ts';
import { Tools } from '../../../core/engine/tools/tools.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';

const actor = { kind: 'person', id: 'tester' } as const;
const config = new URL('../../support/fixtures/tools.config.ts', import.meta.url);

describe('the registry of tools', () => {
  let vault: TestEngine;
  let settings: SettingStore;
  let tools: Tools;
  let tenantId: number;

  before(async () => {
    vault = await openTestEngine(config);
    tenantId = await vault.host.store.tenant('vault');
    settings = new SettingStore(vault.host.database, vault.host);
    tools = new Tools(vault.host.database, settings, vault.host);
  });
  after(function () {
    return vault.close(this);
  });

  /** What the clerk was answered by each tool, in a run that somebody asked for. */
  async function tried(person = 'ben'): Promise<Readonly<Record<string, string>>> {
    const untilMs = machineMs() + 1_000;
    await eventually(() => machineMs() > untilMs);
    const request = requestOf('try', { tenantId, input: {} });
    const { id } = await vault.engine.startRun({
      ...request,
      actor: { kind: 'person', id: person },
    });
    assert.equal(await vault.engine.whenEnded(id), 'succeeded');
    const { rows } = await vault.host.database
      .pool('tutti_engine', 1)
      .query<{ said: Record<string, string> }>(
        `SELECT convert_from(p.body, 'UTF8')::jsonb->'said' AS said FROM tutti.entry e JOIN tutti.payload p USING (tenant_id, run_id, seq)
         WHERE e.run_id = $1 AND e.kind = 'run.ended'`,
        [id],
      );
    return rows[0]?.said ?? {};
  }

  const callersOf = async (tool: string): Promise<readonly ToolCaller[]> =>
    (await tools.show(tenantId, tool)).callers;

  it('lets an agent call public tools, and those of other modules that a policy gives it', async () => {
    verifies('R5.tool-access');
    assert.deepEqual(await tried(), {
      see: 'ok',
      count: 'TOOL_REFUSED',
      weigh: 'ok',
      open: 'TOOL_REFUSED',
      break: 'refused',
    });
    const by = async (verb: string) => (await callersOf(`vault.box.${verb}`))[0]?.by;
    assert.deepEqual(await Promise.all(['see', 'count', 'weigh', 'open'].map(by)), [
      'tool',
      'nobody',
      'policy',
      'nobody',
    ]);
  });

  it('gives tools to an agent while it runs, and takes them back', async () => {
    verifies('R5.tool-access');
    const ask = { tenantId, tool: 'vault.box.open', agent: 'desk.clerk', actor };
    await tools.grant(ask);
    await tools.grant(ask);
    await tools.grant({ ...ask, tool: 'vault.box.count' });

    const { open, count } = await tried();
    assert.deepEqual([open, count], ['ok', 'ok']);
    assert.deepEqual(await callersOf('vault.box.open'), [{ agent: 'desk.clerk', by: 'grant' }]);
    assert.equal(((await settings.get(tenantId, 'access')).value as unknown[]).length, 2);
    await tools.revoke(ask);
    await tools.revoke({ ...ask, tool: 'vault.box.count' });

    assert.equal((await tried()).open, 'TOOL_REFUSED');
    await assert.rejects(tools.revoke(ask), {
      code: 'INPUT_INVALID',
      message: /was not given to exactly/,
    });
  });

  it('gives tools to whatever works for persons of a role, and to nobody else', async () => {
    verifies('R5.tool-access');
    const ask = { tenantId, tool: 'vault.box.open', role: 'auditor', actor };
    await tools.grant(ask);

    assert.equal((await tried('ben')).open, 'TOOL_REFUSED');
    assert.equal((await tried('cli:Anna')).open, 'ok');
    assert.deepEqual(await callersOf('vault.box.open'), [{ agent: 'desk.clerk', by: 'role' }]);
    await tools.revoke(ask);
  });

  it('refuses grants of tools and roles that there are not', async () => {
    const ask = { tenantId, tool: 'vault.box.open', actor };
    await assert.rejects(tools.grant({ ...ask, role: 'nobody' }), {
      code: 'INPUT_INVALID',
      message: /0\.roles\.0: 'nobody' fits no role of the configuration/,
    });
    await assert.rejects(tools.grant({ ...ask, tool: 'vault.box.eat', agent: 'desk.clerk' }), {
      code: 'TOOL_UNKNOWN',
    });
    await assert.rejects(
      settings.put(tenantId, 'access', { value: [{ tools: ['vault.*'] }], actor }),
      {
        code: 'INPUT_INVALID',
        message: /names neither agents nor roles/,
      },
    );
  });

  it('counts calls, failures and times by tool, agent and day', async () => {
    verifies('R5.tool-usage', 'R5.tool-category');
    const before = await tools.show(tenantId, 'vault.box.count');
    await tried();

    const listed = await tools.list(tenantId);
    const see = listed.find(({ name }) => name === 'vault.box.see');
    const { use, byAgent, byDay, ...count } = await tools.show(tenantId, 'vault.box.count');
    const broken = listed.find(({ name }) => name === 'vault.box.break')?.use;

    assert.deepEqual(
      listed.map(({ name, category }) => `${name} ${category}`),
      ['break other', 'count bank', 'open bank', 'see bank', 'weigh bank'].map(
        (each) => `vault.box.${each}`,
      ),
    );
    assert.deepEqual(see?.limit, { requestsPerMinute: 100 });
    assert.equal(use?.calls, (before.use?.calls ?? 0) + 1);
    assert.equal(use?.failures, (before.use?.failures ?? 0) + 1);
    assert.deepEqual(
      byAgent.map(({ agent, calls }) => [agent, calls]),
      [['desk.clerk', use?.calls]],
    );
    assert.equal(
      byDay.reduce((sum, each) => sum + each.calls, 0),
      use?.calls,
    );
    assert.ok(Number.isInteger(use?.medianMs) && (use?.medianMs ?? 0) <= (use?.p95Ms ?? -1));
    assert.deepEqual([broken?.refusals, broken?.effects], [broken?.calls, 0]);
    assert.deepEqual((count.parameters as { type: string }).type, 'object');
    assert.equal(
      (await tools.list(tenantId + 1)).every((each) => each.use === null),
      true,
    );
  });
});
