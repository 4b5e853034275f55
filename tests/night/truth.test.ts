import assert from 'node:assert/strict';
import type { RunSummary } from '../../core/engine/history/views.ts';
import { generateSample } from '../../core/ports/erp/sample.ts';
import type { Truth } from '../../core/sdk/sample.ts';
import config from '../../tutti.config.ts';
import { encryptedBy, encryptedConfig, newMasterKey } from '../support/encrypted.ts';
import { type EndedRun, openTestEngine, type TestEngine } from '../support/engine.ts';
import { markAll } from '../support/finding-mark.ts';
import { personalWords } from '../support/personal-words.ts';
import { verifies } from '../support/verifies.ts';
import { shortNightInput, unitAgents, usualUnits } from './fixtures/short-night.ts';

/** The shipped installation; what is shown of a second night, and of an encrypted one, is shown of each agent's own units. */
const installed = new URL('./fixtures/short.config.ts', import.meta.url);
const input = shortNightInput(usualUnits);
const modules = ['compliance', 'finance', 'hr', 'inventory'];
const samples = await Promise.all(
  config.modules.flatMap(({ sample }) => (sample ? [sample()] : [])),
);

describe('the night over the sample company', function () {
  this.timeout(600_000);
  let tutti: TestEngine;
  let tenantId: number;
  let truth: readonly Truth[];
  let booksBefore: string;
  let first: EndedRun;
  let summary: RunSummary;

  before(async () => {
    // Each thread loads all modules, and nothing here is about several.
    const env = { TUTTI_THREADS: '1' };
    tutti = await openTestEngine(installed, { hasCompany: true, env });
    ({ tenantId } = await tutti.host.sampleTenant(1));
    truth = generateSample({ samples }).truth;
    booksBefore = await readBooks(tutti, tenantId);
    first = await tutti.run('nightly', { tenantId });
    summary = await tutti.history.summary(tenantId, first.id);
  });
  after(function () {
    return tutti.close(this);
  });

  it('runs more than 500 agents of all four modules, and all of them succeed', () => {
    verifies('R2.five-hundred', 'R3.all-modules', 'R3.playbook', 'R1.cross-department');
    assert.equal(first.status, 'succeeded');
    assert.ok(summary.agents >= 500, `${summary.agents} agents ran`);
    assert.deepEqual(summary.modules, modules);
    assert.equal(summary.steps.failed + summary.steps.skipped + summary.steps.degraded, 0);
  });

  it('finds exactly what is planted: nothing is missing, nothing is alleged', async () => {
    const found = await tutti.history.findings(tenantId, { runId: first.id });

    assert.ok(truth.length > 150, `${truth.length} facts are planted`);
    assert.deepEqual(markAll(found), markAll(truth));
    assert.deepEqual(
      found.filter(({ known }) => known),
      [],
    );
  });

  it('starts what needs other modules when those have ended', async () => {
    verifies('R2.cross-module');
    const steps = await tutti.history.steps(tenantId, first.id);
    const doneBy = (module: string, node: string) =>
      steps.filter((step) => step.node === node && step.agent?.startsWith(`${module}.`));
    const before = [...doneBy('hr', 'accruals'), ...doneBy('inventory', 'valuation')];
    const after = doneBy('finance', 'subledgers');

    assert.ok(doneBy('hr', 'accruals').length > 0 && doneBy('inventory', 'valuation').length > 0);
    const lastEnd = Math.max(...before.map(({ endedAt }) => Number(endedAt)));
    const firstStart = Math.min(...after.map(({ startedAt }) => Number(startedAt)));
    assert.ok(lastEnd <= firstStart, `${lastEnd} and then ${firstStart}`);
  });

  it('has every agent read its records by a tool call that succeeds', async () => {
    const reads = await readsByAgent(tutti, tenantId, first.id);

    assert.equal(reads.length, summary.agents);
    const idle = reads.filter(({ calls }) => calls === 0).map(({ step }) => step);
    assert.deepEqual(idle, []);
    // A unit may be empty; a fifth of them at the most is in this company.
    const empty = reads.filter(({ records }) => records === 0);
    assert.ok(empty.length < reads.length / 5, `${empty.length} steps read no record`);
  });

  it('changes no book: every row keeps its version', async () => {
    assert.equal(await readBooks(tutti, tenantId), booksBefore);
    assert.ok(summary.proposals > 0);
  });

  it('leaves no name and no account in any table when it is encrypted, and finds the same', async () => {
    verifies('R12.encryption');
    const env = { [encryptedBy]: newMasterKey(), TUTTI_THREADS: '1' };
    const sealed = await openTestEngine(encryptedConfig(installed), { hasCompany: true, env });
    try {
      const { tenantId: own } = await sealed.host.sampleTenant(1);
      const { id, status } = await sealed.run('short_night', { tenantId: own, input });

      assert.equal(status, 'succeeded');
      const plain = await personalWords(tutti.fresh.database);
      assert.ok(plain.length > 20, `${plain.length} names lie there unencrypted`);
      assert.deepEqual(await personalWords(sealed.fresh.database), []);
      const told = await toldOf(sealed, { id, tenantId: own });
      assert.ok(told.length >= unitAgents.length, `${told.length} findings`);
      const before = new Set(await toldOf(tutti, { id: first.id, tenantId }));
      assert.deepEqual(
        told.filter((line) => !before.has(line)),
        [],
      );
    } finally {
      await sealed.close();
    }
  });

  it('finds the same once more, marks all of it as known and doubles no proposal', async () => {
    const openBefore = await tutti.history.proposals(tenantId);
    const second = await tutti.run('short_night', { tenantId, input });
    const found = await tutti.history.findings(tenantId, { runId: second.id });
    const open = await tutti.history.proposals(tenantId);

    assert.equal(second.status, 'succeeded');
    assert.ok(found.length >= unitAgents.length, `${found.length} findings`);
    const planted = markAll(truth);
    assert.deepEqual(
      markAll(found).filter((mark) => !planted.includes(mark)),
      [],
    );
    assert.deepEqual(
      found.filter(({ known }) => !known),
      [],
    );
    assert.ok((await tutti.history.summary(tenantId, second.id)).proposals > 0);
    assert.deepEqual(
      open.map(({ key }) => key),
      openBefore.map(({ key }) => key),
    );
  });
});

/** Every record's id and version, of all entities, as one digest. */
async function readBooks(tutti: TestEngine, tenantId: number): Promise<string> {
  const names = [...tutti.host.registry.entities.keys()].sort();
  const rows = names.map(
    (name) =>
      `SELECT '${name}' AS entity, id, version::text FROM erp."${name}" WHERE tenant_id = ${tenantId}`,
  );
  const all = `SELECT md5(string_agg(entity || ' ' || id || ' ' || version, E'\n' ORDER BY entity, id)) AS digest,
    count(*)::int AS count FROM (${rows.join(' UNION ALL ')}) books`;
  const { digest, count } = await tutti.host.database.admin(async (client) => {
    await client.query(`SET LOCAL ROLE tutti_tenant; SET LOCAL app.tenant = '${tenantId}'`);
    return (await client.query<{ digest: string; count: number }>(all)).rows[0] as {
      digest: string;
      count: number;
    };
  });
  assert.ok(count > 10_000, `${count} rows were compared`);
  return `${count} ${digest}`;
}

/** What a night has found, each with its sentence. */
async function toldOf(
  { history }: TestEngine,
  { id, tenantId }: { readonly id: string; readonly tenantId: number },
): Promise<readonly string[]> {
  const findings = await history.findings(tenantId, { runId: id });
  assert.ok(findings.every(({ summary }) => summary !== ''));
  return findings.map(({ fingerprint, summary }) => `${fingerprint} ${summary}`).sort();
}

interface Reads {
  readonly step: string;
  readonly calls: number;
  readonly records: number;
}

/** Successful read calls of every agent step of a run. */
async function readsByAgent(
  tutti: TestEngine,
  tenantId: number,
  runId: string,
): Promise<readonly Reads[]> {
  const { rows } = await tutti.host.database.admin(async (client) => {
    await client.query('SET LOCAL ROLE tutti_engine');
    return client.query<Reads>(
      `SELECT s.node || '[' || s.item_key || ']' AS step, count(e.seq)::int AS calls,
          coalesce(sum((e.data->>'records')::int), 0)::int AS records
        FROM tutti.step s LEFT JOIN tutti.entry e ON e.tenant_id = s.tenant_id AND e.run_id = s.run_id AND e.step = s.id
          AND e.kind = 'tool.called' AND e.data->>'effect' = 'read' AND e.data->>'outcome' = 'result'
        WHERE s.tenant_id = $1 AND s.run_id = $2 AND s.agent IS NOT NULL AND s.attempt > 0 GROUP BY 1`,
      [tenantId, runId],
    );
  });
  return rows;
}
