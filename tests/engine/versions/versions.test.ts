// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so documents write expressions
import assert from 'node:assert/strict';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import type { Fault } from '../../../core/engine/graph/fault.ts';
import { Versions } from '../../../core/engine/versions/versions.ts';
import { readDocument } from '../../../core/sdk/document/document.ts';
import type { WorkflowData } from '../../../core/sdk/node.ts';
import { booksDatabase } from '../../support/company.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import type { FreshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const config = new URL('../../support/fixtures/versions.config.ts', import.meta.url);
const actor = { kind: 'person', id: 'anna' } as const;

/** A workflow that says a text at once. */
function saying(name: string, text: string, agent = 'press.say'): WorkflowData {
  const document = {
    name,
    input: { word: { type: 'string', default: 'none' } },
    nodes: [{ id: 'say', kind: 'task', agent, input: { value: text } }],
    output: { said: '${ nodes.say.output.value }' },
  };
  return readDocument(JSON.stringify(document), { file: name }).data as WorkflowData;
}

describe('versions of workflows', () => {
  let fresh: FreshDatabase;
  let tutti: TestEngine;
  let versions: Versions;
  let tenantId: number;
  let tenants = 0;

  before(async () => {
    fresh = await booksDatabase();
    await open();
  });
  beforeEach(async () => {
    // Whose versions are one test's own.
    tenants += 1;
    tenantId = await tutti.host.store.tenant(`versions-${tenants}`);
  });
  after(async function () {
    await tutti.close();
    await fresh.drop(this);
  });

  async function open(): Promise<void> {
    tutti = await openTestEngine(config, { fresh });
    versions = new Versions(tutti.host.store.definitions, tutti.host.registry);
  }

  const spoken = (name: string) => ({ tenantId, name, actor });

  async function query<T extends object>(text: string, runId: string): Promise<T> {
    const pool = fresh.database.pool('tutti_engine', 1);
    const { rows } = await pool.query<T>(text, [runId]);
    await pool.end();
    return rows[0] as T;
  }

  async function outputOf(runId: string): Promise<unknown> {
    const { body } = await query<{ readonly body: string }>(
      `SELECT convert_from(p.body, 'UTF8') AS body FROM tutti.entry e JOIN tutti.payload p ON p.run_id = e.run_id AND p.seq = e.seq WHERE e.run_id = $1 AND e.kind = 'run.ended'`,
      runId,
    );
    return JSON.parse(body);
  }

  const start = (workflow: string, more: object = {}) =>
    tutti.engine.startRun({
      ...requestOf(workflow, { tenantId, input: { word: 'code' } }),
      ...more,
    });

  async function saidBy(workflow: string, more: object = {}): Promise<unknown> {
    const { id } = await start(workflow, more);
    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
    return ((await outputOf(id)) as { readonly said: unknown }).said;
  }

  it('let a plain run take what was published, then what was rolled back to, then the code again', async () => {
    verifies('R1.versions', 'R1.rollback', 'R1.register');
    const said = [await saidBy('note')];

    const second = await versions.publish(spoken('note'), saying('note', 'two'));
    said.push(await saidBy('note'));
    const third = await versions.publish(spoken('note'), saying('note', 'three'));
    said.push(await saidBy('note'));
    const back = await versions.rollBack(spoken('note'));
    said.push(await saidBy('note'));
    const first = await versions.rollBack(spoken('note'), 1);
    said.push(await saidBy('note'));
    await versions.publish(spoken('note'), saying('note', 'three'));
    said.push(await saidBy('note'));
    await versions.release(spoken('note'));
    said.push(await saidBy('note'));

    assert.deepEqual(said, ['code', 'two', 'three', 'two', 'code', 'three', 'code']);
    const numbers = [second, third, back, first].map(({ version }) => version);
    assert.deepEqual(numbers, [2, 3, 2, 1]);
    const list = await versions.list(tenantId, 'note');
    assert.deepEqual(
      list.versions.map(({ version, runs, publishedBy }) => [version, runs, publishedBy]),
      [
        [3, 2, 'anna'],
        [2, 2, 'anna'],
        [1, 3, 'module'],
      ],
    );
    assert.deepEqual([list.takes, list.version], ['code', 1]);
    assert.deepEqual(
      list.history.map(({ how, version }) => [how, version]),
      [
        ['released', null],
        ['published', 3],
        ['rolled_back', 1],
        ['rolled_back', 2],
        ['published', 3],
        ['published', 2],
      ],
    );
  });

  it('run one that is asked for by its number, and refuse its key for another', async () => {
    verifies('R1.rollback');
    await versions.publish(spoken('note'), saying('note', 'one'));
    await versions.publish(spoken('note'), saying('note', 'two'));

    assert.equal(await saidBy('note', { version: 1, key: 'k' }), 'one');
    assert.equal((await start('note', { version: 1, key: 'k' })).isNew, false);
    await assert.rejects(start('note', { version: 2, key: 'k' }), { code: 'KEY_REUSED' });
    await assert.rejects(start('note', { version: 9 }), { code: 'WORKFLOW_UNKNOWN' });
  });

  it('say when the same data is in force already, and store nothing', async () => {
    const one = await versions.publish(spoken('note'), saying('note', 'one'));
    const again = await versions.publish(spoken('note'), saying('note', 'one'));

    assert.deepEqual([one.isNew, again.isNew, again.version], [true, false, one.version]);
    assert.equal((await versions.list(tenantId, 'note')).history.length, 1);
  });

  it('leave a run that lives its own', async () => {
    verifies('R1.versions');
    const { id } = await start('letter');
    const approvals = new Approvals(fresh.database.pool('tutti_engine', 1), {
      editor: ['anna', 'ben'],
    });
    const asked = await eventually(async () => (await approvals.list(tenantId, { limit: 9 }))[0]);

    await versions.publish(spoken('letter'), saying('letter', 'other'));
    await approvals.decide({
      ...{ tenantId, id: asked.id, decision: 'granted', note: undefined },
      ...{ person: 'ben', via: 'test' },
    });

    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
    assert.deepEqual(await outputOf(id), { said: 'code' });
    assert.equal(await saidBy('letter'), 'other');
  });

  it('are what a workflow node starts', async () => {
    await versions.publish(spoken('note'), saying('note', 'published'));

    assert.equal(await saidBy('folder', { input: {} }), 'published');
  });

  it('that no code has run, survive a restart, and end with their release', async () => {
    await versions.publish(spoken('by_hand'), saying('by_hand', 'data'));
    assert.equal(await saidBy('by_hand'), 'data');

    await tutti.close();
    await open();

    assert.equal(await saidBy('by_hand'), 'data');
    await versions.release(spoken('by_hand'));
    await assert.rejects(start('by_hand'), { code: 'WORKFLOW_UNKNOWN' });
    assert.equal((await versions.list(tenantId, 'by_hand')).takes, 'nothing');
    assert.equal(await saidBy('by_hand', { version: 1 }), 'data');
  });

  it('check an input as the stored version takes it', async () => {
    await versions.publish(spoken('by_hand'), saying('by_hand', 'data'));

    await assert.rejects(start('by_hand', { input: { word: 7 } }), { code: 'INPUT_INVALID' });
    assert.equal(await saidBy('by_hand', { input: {} }), 'data');
  });

  it('are refused with every fault when they do not fit what is loaded', async () => {
    verifies('R1.validate');
    const broken = {
      ...saying('old', 'x', 'press.gone'),
      output: { said: { cel: 'nodes.say.output.value' }, other: { cel: 'nodes.nowhere.output' } },
    };
    // As a release left it that had the agent.
    const { definitions } = tutti.host.store;
    const stored = { data: broken, module: null, digest: Buffer.from('broken') };
    const { version } = await definitions.store(tenantId, stored);

    for (const refused of [
      () => start('old', { version }),
      () => versions.rollBack(spoken('old'), version),
      () => versions.publish(spoken('old'), broken),
    ])
      await assert.rejects(refused, (error: { code: string; details: { faults: Fault[] } }) => {
        const told = error.details.faults.map(({ message }) => message).join('\n');
        assert.equal(error.code, 'WORKFLOW_INVALID');
        assert.match(told, /press\.gone/);
        assert.match(told, /nowhere/);
        return true;
      });
    assert.equal((await versions.list(tenantId, 'old')).takes, 'nothing');
  });

  it('name the workflows that no longer fit what is published', async () => {
    const { output, ...mute } = saying('note', 'x');

    const { breaks } = await versions.publish(spoken('note'), mute);

    assert.ok(output);
    assert.deepEqual(
      breaks.map(({ workflow }) => workflow),
      ['folder'],
    );
    await assert.rejects(start('folder', { input: {} }), { code: 'WORKFLOW_INVALID' });
  });

  it('are found, shown and compared by number', async () => {
    await versions.publish(spoken('note'), saying('note', 'one'));
    await versions.publish(spoken('note'), saying('note', 'two'));

    const { changed } = await versions.diff(tenantId, 'note', { from: 1, to: 2 });

    assert.deepEqual(changed, [
      { node: 'say', members: [{ path: 'input.value', before: 'one', after: 'two' }] },
    ]);
    const shown = [await versions.find(tenantId, 'note'), await versions.find(tenantId, 'note', 1)];
    assert.deepEqual(
      shown.map(({ version, data }) => [version, data.name]),
      [
        [2, 'note'],
        [1, 'note'],
      ],
    );
    await assert.rejects(versions.list(tenantId, 'nobody'), { code: 'WORKFLOW_UNKNOWN' });
    await assert.rejects(versions.rollBack(spoken('letter')), { code: 'WORKFLOW_UNKNOWN' });
    const other = await tutti.host.store.tenant('somebody-else');
    assert.equal((await versions.find(other, 'note')).version, null);
  });

  it("of the engine's own workflows are nobody's to run, list or put in force", async () => {
    const data = { ...saying('note', 'x'), name: 'apply:press.x' };
    const { definitions } = tutti.host.store;
    await definitions.store(tenantId, { data, module: null, digest: Buffer.from('own') });

    const refused = { code: 'WORKFLOW_UNKNOWN' };
    await assert.rejects(start('apply:press.x', { version: 1 }), refused);
    await assert.rejects(versions.rollBack(spoken('apply:press.x'), 1), refused);
    await assert.rejects(versions.find(tenantId, 'apply:press.x', 1), refused);
    assert.deepEqual(await versions.all(tenantId), []);
  });

  it('two at once come one after the other', async () => {
    const texts = ['a', 'b', 'c', 'd', 'e', 'f'];

    const done = await Promise.all(
      texts.map((text) => versions.publish(spoken('note'), saying('note', text))),
    );

    const numbers = done.map(({ version }) => version ?? 0).sort((a, b) => a - b);
    assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6]);
    const { history, version } = await versions.list(tenantId, 'note');
    assert.equal(history[0]?.version, version);
  });
});
