import assert from 'node:assert/strict';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import type { ApprovalView } from '../../../core/engine/approvals/view.ts';
import type { FindingHistory, TriagedFinding } from '../../../core/engine/findings/findings.ts';
import type { TriageView } from '../../../core/engine/findings/triage.ts';
import { json, openApi, problem, type TestApi } from './api.ts';

interface List {
  readonly items: readonly TriagedFinding[];
  readonly next: string | null;
}

describe('/v1/findings', () => {
  let api: TestApi;
  const runs: string[] = [];

  before(async () => {
    api = await openApi((_parts, { database }) => ({
      approvals: new Approvals(database.pool('tutti_engine', 1), { approver: ['anna'] }),
    }));
    for (const values of [['a', 'b'], ['b', 'c'], ['c']]) await found(values);
  });
  after(async function () {
    await api.close(this);
  });

  /** Runs to the end; each value is found. */
  async function found(values: readonly string[]): Promise<string> {
    const id = await api.start('chorus', { values });
    await api.tutti.engine.whenEnded(id);
    runs.push(id);
    return id;
  }
  const list = async (query = '') => await json<List>(await api.get(`/v1/findings?${query}`));
  const saidBy = (items: readonly TriagedFinding[]) => items.map(({ summary }) => summary);
  const one = async (word: string): Promise<TriagedFinding> => {
    const { items } = await list();
    return items.find(({ summary }) => summary === `Said ${word}.`) ?? assert.fail();
  };
  const put = (fingerprint: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${api.server.url}/v1/findings/${fingerprint}/triage`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  it('lists each once, as the last run found it, over its pages', async () => {
    const all = await list();
    const first = await list('limit=2');
    const second = await list(`limit=2&cursor=${first.next}`);

    assert.deepEqual(saidBy(all.items), ['Said c.', 'Said b.', 'Said a.']);
    assert.deepEqual(
      all.items.map(({ runId, firstRun, lastRun }) => [runId, firstRun, lastRun]),
      [
        [runs[2], runs[1], runs[2]],
        [runs[1], runs[0], runs[1]],
        [runs[0], runs[0], runs[0]],
      ],
    );
    assert.deepEqual([...first.items, ...second.items], all.items);
    assert.equal(second.next, null);
  });

  it('lists those of a run, and those that fit', async () => {
    const { runId } = await one('a');
    const ofRun = await list(`run=${runs[1]}`);

    assert.deepEqual(saidBy(ofRun.items).toSorted(), ['Said b.', 'Said c.']);
    assert.deepEqual(new Set(ofRun.items.map((each) => each.runId)), new Set([runs[1]]));
    assert.equal((await list('module=echo&severity=low&kind=value.said')).items.length, 3);
    for (const none of [
      'module=hr',
      'severity=high',
      'kind=other',
      'company=DE01',
      'state=ignored',
    ])
      assert.deepEqual((await list(none)).items, [], none);
    assert.equal(runId, runs[0]);
    await problem(await api.get('/v1/findings?state=gone'), 400, 'INPUT_INVALID');
    await problem(await api.get('/v1/findings?severity=odd'), 400, 'INPUT_INVALID');
  });

  it('lists the worst of a run first, over its pages, too', async () => {
    const run = await found(['m+n!', 'o!+p']);
    const said = async (query: string): Promise<readonly string[]> =>
      saidBy((await list(`run=${run}&${query}`)).items);
    const { items, next } = await list(`run=${run}&limit=1`);

    const all = await said('');
    assert.deepEqual(all.slice(0, 2).toSorted(), ['Said n!.', 'Said o!.']);
    assert.deepEqual(all.slice(2).toSorted(), ['Said m.', 'Said p.']);
    assert.deepEqual([...saidBy(items), ...(await said(`cursor=${next}`))], all);
  });

  it('says of a question what its step has found about the records in it, and of no others', async () => {
    const run = await found(['q!+r', 's']);
    const { items } = await json<{ readonly items: readonly ApprovalView[] }>(
      await api.get(`/v1/approvals?run=${run}`),
    );

    const told = await Promise.all(
      items.map(async ({ id }) => await json<List>(await api.get(`/v1/approvals/${id}/findings`))),
    );

    assert.deepEqual(told.map((each) => saidBy(each.items)).toSorted(), [
      ['Said q!.'],
      ['Said s.'],
    ]);
    const unknown = 'ffffffff-ffff-7fff-8fff-ffffffffffff';
    await problem(await api.get(`/v1/approvals/${unknown}/findings`), 404, 'APPROVAL_UNKNOWN');
  });

  it('shows one with its history over the runs that found it', async () => {
    const { fingerprint } = await one('b');

    const shown = await json<FindingHistory>(await api.get(`/v1/findings/${fingerprint}`));
    const short = await json<FindingHistory>(
      await api.get(`/v1/findings/${fingerprint.slice(0, 12)}`),
    );

    assert.deepEqual(
      shown.occurrences.map(({ runId, summary }) => [runId, summary]),
      [
        [runs[1], 'Said b.'],
        [runs[0], 'Said b.'],
      ],
    );
    assert.deepEqual(short, shown);
    await problem(await api.get(`/v1/findings/${'f'.repeat(64)}`), 404, 'FINDING_UNKNOWN');
    await problem(await api.get('/v1/findings/odd'), 400, 'INPUT_INVALID');
  });

  it('takes a word on one, whose it is, and refuses one that is late', async () => {
    const { fingerprint, triage } = await one('a');
    assert.equal(triage?.state, 'open');
    const path = `/v1/findings/${fingerprint}/triage`;
    const read = await api.get(path);
    const seen = { 'If-Match': read.headers.get('etag') ?? '' };

    const said = await put(
      fingerprint,
      { state: 'ignored', assignee: 'Anna', note: 'Ours.' },
      seen,
    );
    const view = await json<TriageView>(said);
    const later = await put(fingerprint, { state: 'accepted' });
    const kept = await json<TriageView>(later);

    assert.partialDeepStrictEqual(view, { state: 'ignored', assignee: 'anna', note: 'Ours.' });
    assert.equal(view.actor?.id, 'local');
    assert.deepEqual([kept.state, kept.assignee, kept.note], ['accepted', 'anna', null]);
    assert.equal((await api.get(path)).headers.get('etag'), later.headers.get('etag'));
    await problem(await put(fingerprint, { state: 'open' }, seen), 412, 'PRECONDITION_FAILED');
    assert.deepEqual(saidBy((await list('state=accepted')).items), ['Said a.']);
    const freed = await json<TriageView>(await put(fingerprint, { state: 'open', assignee: null }));
    assert.deepEqual([freed.state, freed.assignee], ['open', null]);
    await problem(await put(fingerprint, { state: 'gone' }), 400, 'INPUT_INVALID');
    await problem(await put('f'.repeat(64), { state: 'open' }), 404, 'FINDING_UNKNOWN');
  });

  it('writes every word into the audit log', async () => {
    const { fingerprint } = await one('c');
    await put(fingerprint, { state: 'accepted', note: 'A person’s words.' });

    const { rows } = await api.tutti.host.database
      .pool('tutti_engine', 1)
      .query<{ readonly row: string }>(
        `SELECT to_jsonb(a)::text AS row FROM tutti.audit a WHERE a.action = 'finding.triage' AND a.target = $1`,
        [fingerprint],
      );

    assert.equal(rows.length, 1);
    assert.match(rows[0]?.row ?? '', /accepted/);
    assert.doesNotMatch(rows[0]?.row ?? '', /words/);
  });

  it('has one that was resolved open again once another run finds it, and leaves the others', async () => {
    const [resolved, ignored] = [await one('a'), await one('b')];
    await put(resolved.fingerprint, { state: 'resolved' });
    await put(ignored.fingerprint, { state: 'ignored' });

    await found(['a', 'b']);

    const [again, still] = [await one('a'), await one('b')];
    assert.deepEqual([again.triage?.state, still.triage?.state], ['open', 'ignored']);
    assert.deepEqual([again.runId, again.firstRun], [runs.at(-1), runs[0]]);
  });

  it('hears nothing of what a rehearsal finds', async () => {
    const body = { workflow: 'chorus', input: { values: ['dream'] }, rehearsal: true };
    const { id } = await json<{ readonly id: string }>(await api.post('/v1/runs', body));
    await api.tutti.engine.whenEnded(id);

    const { items } = await list(`run=${id}`);

    assert.deepEqual([items.length, items[0]?.triage, items[0]?.lastRun], [1, null, null]);
    assert.ok(!saidBy((await list()).items).includes('Said dream.'));
    const unseen = await api.get(`/v1/findings/${items[0]?.fingerprint}`);
    await problem(unseen, 404, 'FINDING_UNKNOWN');
  });
});
