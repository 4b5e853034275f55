import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { type ServedApi, serveHere } from '../identity/served.ts';
import { json, problem } from './api.ts';

interface List {
  readonly items: readonly { readonly id: string; readonly runId?: string }[];
}

describe('who sees which runs', () => {
  let served: ServedApi;
  let owner: string;
  let inDe: string;
  let ofEcho: string;
  /** Runs by what they are of. */
  const runs: Record<string, string> = {};

  before(async () => {
    // What one model has used of its limits is all that its readers are asked about.
    const limits = () => ({ models: [{ model: 'm', rpmUsed: 1, rpmLimit: 2 }] }) as never;
    served = await serveHere({ change: { limits } });
    owner = await served.key(served.ours, ['owner']);
    inDe = await served.key(served.ours, ['operator'], { companies: ['DE'] });
    ofEcho = await served.key(served.ours, ['operator'], { modules: ['echo'] });
    for (const company of ['DE', 'FR', null]) {
      // What two runs propose alike is one change, and of the company that came first.
      const body = { workflow: 'chorus', input: { values: [company ?? 'all'] } };
      runs[company ?? 'group'] = await started('/v1/runs', owner, {
        ...body,
        ...(company && { company }),
      });
    }
    const task = { agent: 'echo.say', input: { value: 'y' } };
    runs.task = await started('/v1/tasks', owner, task);
    for (const id of Object.values(runs)) await served.tutti.engine.whenEnded(id);
  });
  after(async function () {
    await served.close(this);
  });

  let keys = 0;
  const post = (path: string, key: string, body: object) => {
    keys += 1;
    const headers = { 'content-type': 'application/json', 'idempotency-key': `s${keys}` };
    return served.ask(path, key, { method: 'POST', headers, body: JSON.stringify(body) });
  };
  async function started(path: string, key: string, body: object): Promise<string> {
    const answer = await post(path, key, body);
    assert.equal(answer.status, 202);
    return (await json<{ readonly id: string }>(answer)).id;
  }
  const listed = async (key: string, query = '') => {
    const { items } = await json<List>(await served.ask(`/v1/runs${query}`, key));
    return items.map(({ id }) => id).sort();
  };
  const those = (...names: string[]) => names.map((name) => runs[name]).sort();

  it('lists for a caller of a company its runs alone, and answers 404 for the others', async () => {
    verifies('R12.tenancy');
    assert.deepEqual(await listed(owner), those('DE', 'FR', 'group', 'task'));
    assert.deepEqual(await listed(inDe), those('DE'));
    assert.equal((await served.ask(`/v1/runs/${runs.DE}`, inDe)).status, 200);
    for (const path of ['', '/steps', '/entries', '/events', '/explain', '/undo'])
      for (const name of ['FR', 'group'])
        await problem(await served.ask(`/v1/runs/${runs[name]}${path}`, inDe), 404, 'RUN_UNKNOWN');
    for (const turn of ['cancel', 'pause', 'resume'])
      await problem(await post(`/v1/runs/${runs.FR}/${turn}`, inDe, {}), 404, 'RUN_UNKNOWN');
    const change = {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ priority: 10 }),
    };
    await problem(await served.ask(`/v1/runs/${runs.FR}`, inDe, change), 404, 'RUN_UNKNOWN');
    await problem(await served.ask(`/report/${runs.FR}`, inDe), 404, 'RUN_UNKNOWN');
  });

  it('lists for a caller of a module what its agents, tools and workflows run', async () => {
    // The workflow is of no module: the configuration declares it.
    assert.deepEqual(await listed(ofEcho), those('task'));
    await problem(await served.ask(`/v1/runs/${runs.DE}`, ofEcho), 404, 'RUN_UNKNOWN');
    assert.equal((await served.ask(`/v1/runs/${runs.task}`, ofEcho)).status, 200);
  });

  it('shows what came of a run to who sees the run', async () => {
    const proposals = async (key: string) => {
      const { items } = await json<List>(await served.ask('/v1/proposals?all=true', key));
      return [...new Set(items.map(({ runId }) => runId))];
    };

    assert.equal((await proposals(owner)).length, 4);
    assert.deepEqual(await proposals(inDe), [runs.DE]);
    assert.deepEqual(await proposals(ofEcho), [runs.task]);
    await problem(await served.ask(`/v1/proposals?run=${runs.FR}`, inDe), 404, 'RUN_UNKNOWN');
  });

  it('does not tell by effects and questions that a run out of sight is there', async () => {
    for (const path of ['effects', 'approvals']) {
      const of = (run: string | undefined) => served.ask(`/v1/${path}?run=${run}`, inDe);
      assert.equal((await of(runs.DE)).status, 200);
      await problem(await of(runs.FR), 404, 'RUN_UNKNOWN');
    }
  });

  it('counts effects in review in the status by who may touch them', async () => {
    const pool = served.tutti.host.database.pool('tutti_engine', 1);
    const { rowCount } = await pool.query(
      `UPDATE tutti.effect SET state = 'needs_review' WHERE tenant_id = $1 AND run_id = $2`,
      [served.ours, runs.task],
    );
    const inReview = async (key: string) =>
      (await json<{ people: { effectsInReview: number } }>(await served.ask('/v1/status', key)))
        .people.effectsInReview;

    assert.ok(rowCount);
    assert.deepEqual([await inReview(owner), await inReview(inDe)], [rowCount, 0]);
    await pool.query(
      `UPDATE tutti.effect SET state = 'proposed' WHERE tenant_id = $1 AND run_id = $2`,
      [served.ours, runs.task],
    );
  });

  describe('with what other modules have done in the same run', () => {
    let run: string;
    const tools = ['echo.one.say', 'other.two.say', 'echo.three.say', 'other.four.say'];
    const write = (text: string, ...values: readonly unknown[]) =>
      served.tutti.host.database.pool('tutti_engine', 1).query(text, [...values]);

    before(async () => {
      const input = { values: tools };
      run = await started('/v1/runs', owner, { workflow: 'chorus', company: 'DE', input });
      await served.tutti.engine.whenEnded(run);
      const { rows } = await write(
        'SELECT key FROM tutti.effect WHERE tenant_id = $1 AND run_id = $2 ORDER BY seq',
        ...[served.ours, run],
      );
      assert.equal(rows.length, tools.length);
      for (const [at, tool] of tools.entries()) {
        await write(
          `UPDATE tutti.effect SET state = 'applied', tool = $3 WHERE tenant_id = $1 AND key = $2`,
          ...[served.ours, rows[at].key, tool],
        );
        await write(
          `INSERT INTO tutti.entry (tenant_id, run_id, seq, step, kind, data) VALUES ($1, $2, $3, 1, 'effect.observed', $4)`,
          ...[served.ours, run, 1_000 + at],
          JSON.stringify({ rule: 'shadow', tool, key: '', would: 'write' }),
        );
      }
    });

    /** Of every page the tools that it lists. */
    async function paged(path: string, key: string): Promise<readonly (readonly string[])[]> {
      interface Item {
        readonly tool?: string;
        readonly effect?: { readonly tool: string };
      }
      const pages: string[][] = [];
      for (let cursor = ''; ; ) {
        const page = await json<{ items: Item[]; next: string | null }>(
          await served.ask(`/v1/${path}?run=${run}&limit=1${cursor}`, key),
        );
        pages.push(page.items.map(({ tool, effect }) => tool ?? effect?.tool ?? ''));
        if (page.next === null) return pages.toSorted();
        cursor = `&cursor=${encodeURIComponent(page.next)}`;
      }
    }

    for (const path of ['effects', 'approvals', 'shadow'])
      it(`pages through ${path} by what the reader may see`, async () => {
        verifies('R12.tenancy');
        const each = tools.map((tool) => [tool]).toSorted();

        assert.deepEqual(await paged(path, ofEcho), [['echo.one.say'], ['echo.three.say']]);
        assert.deepEqual(await paged(path, owner), each);
        assert.deepEqual(await paged(path, inDe), each);
      });
  });

  it('lets runs be started where a caller may touch them', async () => {
    const body = { workflow: 'chorus', input: { values: [] } };

    assert.equal((await post('/v1/runs', inDe, { ...body, company: 'DE' })).status, 202);
    await problem(
      await post('/v1/runs', inDe, { ...body, company: 'FR' }),
      403,
      'PERMISSION_DENIED',
    );
    await problem(await post('/v1/runs', inDe, body), 403, 'PERMISSION_DENIED');
    await problem(await post('/v1/runs', ofEcho, body), 403, 'PERMISSION_DENIED');
    await problem(await post('/v1/plans', inDe, body), 403, 'PERMISSION_DENIED');
  });

  it('does not tell by a key of others that their run is there', async () => {
    const body = { workflow: 'chorus', input: { values: ['k'] } };
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'shared' };
    const send = (key: string, company: string) =>
      served.ask('/v1/runs', key, {
        ...{ method: 'POST', headers },
        body: JSON.stringify({ ...body, company }),
      });
    assert.equal((await send(owner, 'FR')).status, 202);

    await problem(await send(inDe, 'DE'), 404, 'RUN_UNKNOWN');
  });

  it('keeps the purses and limits of all from who may touch some', async () => {
    const budgets = async (key: string) => {
      const { items } = await json<{ items: { scope: string }[] }>(
        await served.ask('/v1/budgets', key),
      );
      return items.map(({ scope }) => scope);
    };

    assert.deepEqual(await budgets(ofEcho), ['module:echo']);
    assert.deepEqual(await budgets(inDe), []);
    await problem(await served.ask('/v1/limits', inDe), 403, 'PERMISSION_DENIED');
    const models = async (key: string) => {
      const status = await served.ask('/v1/status', key);
      return (await json<{ models: readonly object[] }>(status)).models.length;
    };
    assert.deepEqual([await models(ofEcho), await models(inDe)], [0, 0]);
    assert.ok((await models(owner)) > 0);
  });

  it('keeps settings from who may not touch what they are about', async () => {
    const settings = async (key: string) => {
      const list = await served.ask('/v1/settings', key);
      const { items } = await json<{ items: { name: string }[] }>(list);
      return items.map(({ name }) => name).filter((name) => !name.startsWith('recovery:echo.'));
    };
    const whole = ['autonomy', 'shadow', 'access', 'budget:tenant', 'budget:workflow:chorus'];

    assert.deepEqual(await settings(ofEcho), ['breaker', 'budget:module:echo']);
    assert.deepEqual(await settings(inDe), ['breaker']);
    const all = await settings(owner);
    for (const name of whole) {
      assert.ok(all.includes(name), name);
      const path = `/v1/settings/${name}`;
      for (const key of [ofEcho, inDe])
        await problem(await served.ask(path, key), 403, 'PERMISSION_DENIED');
    }
    assert.equal((await served.ask('/v1/settings/budget:module:echo', ofEcho)).status, 200);
  });

  it('names by no refusal what is out of reach', async () => {
    const key = await served.key(served.ours, ['module_admin'], { modules: ['hr'] });
    const change = (path: string, method: string, body: object) => {
      const headers = { 'content-type': 'application/json', 'idempotency-key': path };
      return served.ask(path, key, { method, headers, body: JSON.stringify(body) });
    };
    for (const refused of [
      served.ask('/v1/templates/agents/hr.none', key),
      served.ask('/v1/templates/workflows/none', key),
      served.ask('/v1/modules/hr', key),
      served.ask('/v1/schedules/none', key),
      served.ask('/v1/workflows/none', key),
      served.ask('/v1/tools/hr.none', key),
      change('/v1/hooks/hr.none/pause', 'POST', {}),
      change('/v1/tasks', 'POST', { agent: 'hr.none', text: 'x', company: 'DE' }),
      change('/v1/budgets/module:hr', 'PUT', { usdPerDay: '1' }),
    ]) {
      const answer = await refused;
      const { detail } = await json<{ detail: string }>(answer);
      assert.ok([403, 404].includes(answer.status), detail);
      assert.doesNotMatch(detail, /echo|chorus|evening|other/, detail);
    }
  });

  it('filters by workflow, status, company and time', async () => {
    verifies('R10.list-runs');
    const soon = new Date(Date.now() + 60_000).toISOString();
    for (const query of [
      '?workflow=chorus&status=succeeded&company=FR',
      `?company=FR&from=2020-01-01&to=${soon}`,
    ])
      assert.ok((await listed(owner, query)).includes(String(runs.FR)), query);
    for (const query of [
      '?company=FR&workflow=pause',
      '?company=FR&status=failed',
      '?company=FR&to=2020-01-01',
      `?company=FR&from=${soon}`,
    ])
      assert.deepEqual(await listed(owner, query), [], query);
    for (const query of ['?status=lost', '?from=yesterday', '?company='])
      await problem(await served.ask(`/v1/runs${query}`, owner), 400, 'INPUT_INVALID');
  });

  it('pages through the journal of a run', async () => {
    const { entries } = served.tutti.history;
    const all = await entries.call(served.tutti.history, served.ours, String(runs.DE), 0);
    const seen: number[] = [];
    let next: string | null = '';
    while (next !== null) {
      const cursor = next === '' ? '' : `&cursor=${next}`;
      const answer = await served.ask(`/v1/runs/${runs.DE}/entries?limit=2${cursor}`, owner);
      const page: { items: { seq: number }[]; next: string | null } = await json(answer);
      seen.push(...page.items.map(({ seq }) => seq));
      next = page.next;
    }

    assert.ok(all.length > 4);
    assert.deepEqual(
      seen,
      all.map(({ seq }) => seq),
    );
  });
});
