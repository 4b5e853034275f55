import assert from 'node:assert/strict';
import type pg from 'pg';
import { systemClock } from '../../core/base/clock.ts';
import { Tenants } from '../../core/service/identity/tenants.ts';
import { keyOf, Yard } from '../engine/approvals/yard.ts';
import { startLabEngine } from '../support/crash-lab.ts';
import { UndoLab } from '../support/undo-lab.ts';
import { verifies } from '../support/verifies.ts';

const actor = { kind: 'person', id: 'tester' } as const;
const codes = ['S1', 'S2', 'S3'];

/** What is looked at, and by engines of which configuration. */
interface Place {
  readonly pool: pg.Pool;
  readonly url: string;
  readonly slug: string;
  readonly config: string;
}

/** Looks while a tenant is suspended and an engine is there that has looked once for all that it does. */
async function whileSuspended(
  { pool, url, slug, config }: Place,
  look: () => Promise<void>,
): Promise<void> {
  const tenants = new Tenants(pool, systemClock);
  await tenants.suspend(slug, actor);
  const engine = startLabEngine(url, {}, { config, stays: true });
  await engine.ready;
  await look();
  engine.child.kill('SIGTERM');
  await engine.ended;
  await tenants.resume(slug, actor);
}

describe('what was granted, and then the engine died and the tenant was suspended', function () {
  this.timeout(300_000);
  let yard: Yard;

  before(async () => {
    yard = await Yard.open();
  });
  after(async function () {
    await yard.close(this);
  });

  it('is carried out once, when the tenant is resumed', async () => {
    verifies('R8.crash', 'R12.approvals', 'R12.tenancy');
    const parcel = await yard.parcel('S1');
    const view = await yard.asked({ parcel, attended: false });
    await yard.became(String(view.runId));
    await yard.rest();
    await yard.say(view.id, 'anna');
    const place = { ...yard.fresh, pool: yard.pool, slug: 'yard', config: 'effects.config.ts' };
    const dies = { at: 'after-apply:1', config: place.config, stays: true };
    assert.equal((await startLabEngine(place.url, {}, dies).ended).signal, 'SIGKILL');
    const text = 'SELECT id FROM tutti.run WHERE tenant_id = $1 AND key = $2';
    const runs = () => yard.query<{ id: string }>(text, [yard.tenantId, `apply:${view.id}`]);
    const [run] = await runs();
    const { effect } = await yard.approvals.find(yard.tenantId, view.id);
    assert.equal(effect?.applyRun, run?.id ?? 'stored');

    await whileSuspended(place, async () => {
      assert.deepEqual(await yard.questions(keyOf(view)), ['granted']);
      assert.equal(await yard.effect(keyOf(view)), 'proposed');
    });
    await yard.reopen();

    assert.equal(await yard.became(await yard.applied(view.id)), '');
    assert.deepEqual(await yard.questions(keyOf(view)), ['consumed']);
    assert.deepEqual([(await runs()).length, await yard.slips(parcel)], [1, 1]);
  });
});

describe('an undo whose engine has died, and whose tenant was suspended then', function () {
  this.timeout(300_000);
  let lab: UndoLab;

  before(async () => {
    lab = await UndoLab.open({ company: false });
  });
  after(function () {
    return lab.engine.close(this);
  });

  it('takes nothing more back until the tenant is resumed, and then the rest, each once', async () => {
    verifies('R8.crash', 'R8.undo', 'R12.tenancy');
    const run = await lab.call(codes.map((code) => ({ tool: 'shelf.box.make', args: { code } })));
    await lab.engine.engine.stop();
    const ask = { tenantId: lab.tenantId, runId: run.id, actor, reason: 'it was wrong' };
    const { id: until } = await lab.undo.start(ask);
    const boxes = () => lab.query('SELECT code, status, version FROM erp.box ORDER BY code');
    const { url } = lab.engine.fresh;
    const config = 'undo.config.ts';
    const dies = startLabEngine(url, {}, { until, at: 'after-tool:1', config });
    assert.equal((await dies.ended).signal, 'SIGKILL');
    const before = await boxes();

    await whileSuspended({ pool: lab.pool, url, slug: 'shelf', config }, async () => {
      const text = 'SELECT owner, takeovers FROM tutti.run WHERE id = $1';
      assert.deepEqual(await lab.query(text, until), [{ owner: null, takeovers: 1 }]);
      assert.deepEqual(await boxes(), before);
    });
    assert.equal((await startLabEngine(url, {}, { until, config }).ended).code, 0);

    assert.equal((await lab.undo.view(ask))?.summary, '3 effects undone');
    assert.deepEqual(
      await boxes(),
      codes.map((code) => ({ code, status: 'gone', version: 2 })),
    );
  });
});
