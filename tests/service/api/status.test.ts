import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { watchGauges } from '../../../bin/gauges.ts';
import { poolOf, statusOf } from '../../../bin/parts/telemetry-of.ts';
import { readLedgerLimits } from '../../../core/engine/limits/limits-view.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { runCli } from '../../bin/cli.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { LedgerRows } from '../../support/ledger.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

const config = new URL('../../support/fixtures/telemetry.config.ts', import.meta.url);
const dayMs = 86_400_000;

type Numbers = Readonly<Record<string, number>>;
type Status = Readonly<
  Record<
    'engine' | 'workflows' | 'agents' | 'rateLimiting' | 'costTracking' | 'queue' | 'people',
    Numbers
  >
> & {
  readonly models: readonly unknown[];
  readonly pool: { readonly totalAgents: number; readonly lanes: Numbers };
  readonly usage: readonly { readonly agent: string; readonly usageCount: number }[];
  readonly version: string;
};

describe('status and metrics', function () {
  this.timeout(180_000);
  let tutti: TestEngine;
  let server: Listening;
  let end: () => void;

  before(async () => {
    tutti = await openTestEngine(config);
    const { host, history, engine } = tutti;
    const tenantId = await host.store.tenant('ours');
    const items = ['ok', 'tool', 'down'].map((fate, at) => ({ id: `item-${at}`, fate }));
    await tutti.run('lab.below', { tenantId, input: { items } });
    await tutti.run('lab.below', { tenantId, input: { items: items.slice(0, 2) } });
    // Midnight may come in the middle of a test.
    await new LedgerRows(host.database).spendOnBothDays(tenantId);
    const theirs = await host.store.tenant('theirs');
    await tutti.run('lab.below', { tenantId: theirs, input: { items } });
    end = watchGauges(host.telemetry.metrics, { engine, database: host.database });
    const now = { now: new Date() };
    const app = createApp({
      ...{ history, engine, registry: host.registry, tenantId },
      status: statusOf(host),
      metrics: host.telemetry.metrics,
      pool: () => poolOf(host, engine),
      limits: (tenant) => readLedgerLimits(host.database, {}, { ...now, tenantId: tenant }),
    });
    server = await listen(app, { port: 0 });
  });

  after(async function () {
    end();
    await server.close();
    await tutti.close(this);
  });

  it('tells of one tenant what its period brought: runs, agents, calls, costs, and how things are now', async () => {
    verifies('R11.system-status', 'R11.limit-status', 'R11.pool-status', 'R10.status');

    const status = await json<Status>(await fetch(`${server.url}/v1/status`));

    const { engine, workflows, agents, rateLimiting, costTracking, pool } = status;
    assert.deepEqual(
      { ...engine, versions: [] },
      { running: true, alive: 1, versions: [], modules: [], totalWorkflows: 2 },
    );
    assert.deepEqual(workflows, {
      ...{ started: 2, completed: 1, partial: 1, failed: 0, cancelled: 0 },
      ...{ successRate: 0.5, open: 0 },
    });
    // Of five items one fails for good, after two tries.
    assert.deepEqual([agents.executed, agents.failed, agents.retried], [6, 2, 1]);
    assert.ok((agents.avgExecutionTimeMs ?? 0) > 0);
    const { rows } = await tutti.host.database.pool('tutti_engine', 1).query(
      `SELECT count(*)::int AS calls, sum(cost_micro_usd)::int AS cost, sum((tokens->>'input')::int + (tokens->>'output')::int)::int AS tokens
       FROM tutti.ledger l JOIN tutti.tenant t ON t.id = l.tenant_id WHERE t.slug = 'ours' AND state IN ('settled', 'estimated')`,
    );
    assert.deepEqual(
      [rateLimiting.totalRequests, costTracking.totalCostMicroUsd, costTracking.totalTokens],
      [rows[0].calls, rows[0].cost, rows[0].tokens],
    );
    assert.ok((rateLimiting.avgWaitMs ?? -1) >= 0);
    assert.deepEqual(status.queue, { ready: 0, running: 0, waiting: 0 });
    assert.deepEqual(status.people, {
      ...{ openApprovals: 0, approvalsByModule: [], effectsInReview: 0 },
    });
    assert.deepEqual(status.usage, [{ agent: 'lab.worker', usageCount: 6 }]);
    assert.deepEqual([pool.totalAgents, pool.lanes.wanted], [2, 2]);
    assert.deepEqual(
      status.models.map((each) => Object.keys(each as object)),
      [['model', 'rpmUsed', 'rpmLimit']],
    );
  });

  it('tells nothing of what was before its period, and refuses what is no moment', async () => {
    const since = new Date(Date.now() + dayMs).toISOString();
    const [later, wrong] = await Promise.all(
      [since, 'yesterday'].map((at) => fetch(`${server.url}/v1/status?since=${at}`)),
    );

    const { workflows, agents } = await json<Status>(later as Response);
    assert.deepEqual([workflows.started, workflows.successRate, agents.executed], [0, null, 0]);
    await problem(wrong as Response, 400, 'INPUT_INVALID');
  });

  it('shows metrics as Prometheus reads them: what was counted, and what is now', async () => {
    verifies('R11.prometheus', 'R11.metrics');

    const response = await fetch(`${server.url}/metrics`);

    const page = await response.text();
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    assert.match(
      page,
      /^tutti_runs_ended_total\{workflow="lab\.below",status="partial",rehearsal="false"\} 2$/m,
    );
    assert.match(page, /^tutti_lanes\{state="wanted"\} 2$/m);
    assert.match(page, /^tutti_queue_length 0$/m);
    assert.match(page, /^tutti_approvals_open 0$/m);
    assert.match(page, /^tutti_budget_used_ratio\{scope="tenant"\} [0-9]/m);
    assert.match(page, /^nodejs_eventloop_delay_p99_seconds /m);
    assert.match(page, /^tutti_journal_flush_duration_seconds_count [1-9]/m);
    const values = page.split('\n').filter((line) => !line.startsWith('#'));
    assert.ok(!values.some((line) => /tenant=|item-\d|["-]ours|theirs/.test(line)));
  });

  it('are on the terminal, too', async () => {
    using folder = scratchFolder({});
    const place = { cwd: folder.path, env: { DATABASE_URL: tutti.fresh.url } };
    const all = ['--config', fileURLToPath(config)];
    const [shown, printed] = await Promise.all([
      runCli(place, ['status', ...all]),
      runCli(place, ['status', '--hours', '1', '--json', ...all]),
    ]);

    assert.match(shown.stdout, /^Tutti .*: 1 engine at work \(.*\), 2 workflows; PostgreSQL /);
    assert.match(shown.stdout, /1 run started; ended: 0 in full, 1 in part, 0 failed/);
    const { workflows, models } = JSON.parse(printed.stdout) as Status;
    assert.equal(workflows.partial, 1);
    assert.equal(models.length, 1);
  });
});
