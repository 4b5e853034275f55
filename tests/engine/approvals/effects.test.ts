import assert from 'node:assert/strict';
import { policiesOf } from '../../../bin/parts/policies-of.ts';
import { foundFor } from '../../../core/engine/approvals/found.ts';
import { machineMs } from '../../../core/engine/authority/stops.ts';
import { Findings } from '../../../core/engine/findings/findings.ts';
import type { Policy } from '../../../core/sdk/policy/policy.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { keyOf, Yard } from './yard.ts';

describe('approvals of effects', () => {
  let yard: Yard;

  before(async () => {
    yard = await Yard.open();
  });
  after(async function () {
    await yard.close(this);
  });

  it('let a step that waits go on once people have agreed to exactly what they are shown', async () => {
    verifies('R12.approvals');
    const parcel = await yard.parcel('P1');

    const view = await yard.asked({ parcel });

    assert.equal(view.title, 'yard.parcel.hold parcel P1');
    assert.deepEqual(view.shown, {
      args: { parcel, reason: 'late' },
      parcel: { code: 'P1', weight: 5, memo: '[text of 4 characters, 13c7e76eb87f]', held: false },
    });
    assert.deepEqual([view.deciders, view.tier, view.required], [['clerk'], 'clerks', 1]);
    assert.equal(await yard.slips(parcel), 0);
    const runId = String(view.runId);
    const [step] = await eventually(async () => {
      const steps = await yard.tutti.history.steps(yard.tenantId, runId);
      return steps[0]?.status === 'waiting' ? steps : undefined;
    });
    assert.equal(step?.status, 'waiting');

    await yard.say(view.id, 'anna');

    assert.equal(await yard.became(runId), 'applied');
    assert.equal(await yard.slips(parcel), 1);
    assert.deepEqual(await yard.questions(keyOf(view)), ['consumed']);
  });

  it('name the policy that asks for them to whoever wants to know what a step waits for', async () => {
    verifies('R12.policy');
    const { tenantId, tutti } = yard;
    const policies = policiesOf(tutti.host);
    const speaker = { tenantId, actor: { kind: 'person', id: 'dora' } } as const;
    const [code] = await policies.show(tenantId, 'yard');
    const { kind: _, ...document } = code as Policy;
    await policies.draft(speaker, 'yard', document);
    await policies.publish(speaker, 'yard');
    const until = machineMs() + 1_000;
    await eventually(() => machineMs() > until);
    const view = await yard.asked({ parcel: await yard.parcel('P1b') });
    const runId = String(view.runId);
    const blocker = await eventually(async () => {
      const { steps } = await tutti.engine.explain({ tenantId, runId });
      const asked = steps[0]?.blockers.find(({ kind }) => kind === 'approval');
      // The engine knows that it waits a flush before the rows tell what for.
      return asked?.kind === 'approval' && asked.key !== null ? asked : undefined;
    });

    assert.deepEqual(blocker.policy, { name: 'yard', version: 1 });
    assert.match(blocker.text, /^A person must approve the effect \w+, as policy 'yard v1' says/);

    await yard.say(view.id, 'anna');
    assert.equal(await yard.became(runId), 'applied');
    await policies.withdraw(speaker, 'yard');
  });

  for (const isTakenUp of [false, true])
    it(`show what a step that waits has found, which is told once${isTakenUp ? ', though another engine goes on' : ''}`, async () => {
      verifies('R12.approvals');
      const { tenantId, fresh } = yard;
      const parcel = await yard.parcel(`P1${isTakenUp ? 'd' : 'c'}`);

      const view = await yard.asked({ parcel, reason: 'odd' });

      const [found] = await foundFor(new Findings(fresh.database), [view], { tenantId });
      assert.deepEqual(
        found?.map(({ kind, records }) => [kind, records]),
        [['parcel.odd', [{ entity: 'parcel', id: parcel }]]],
      );
      const runId = String(view.runId);
      await yard.waiting(runId);
      if (isTakenUp) await yard.reopen();
      await yard.say(view.id, 'anna');
      assert.equal(await yard.became(runId), 'applied');
      const text = `SELECT (SELECT count(*) FROM tutti.entry WHERE run_id = $1 AND kind = 'finding')::int AS told,
        (SELECT count(*) FROM tutti.finding WHERE run_id = $1)::int AS kept`;
      assert.deepEqual(await yard.query(text, [runId]), [{ told: 2, kept: 2 }]);
    });

  it('are shown with what their steps have found, of all of them by one look', async () => {
    const { database } = yard.fresh;
    const views = [];
    for (const [code, reason] of [
      ['P1e', 'odd'],
      ['P1f', 'late'],
      ['P1g', 'odd'],
    ] as const)
      views.push(await yard.asked({ parcel: await yard.parcel(code), reason }));
    let looks = 0;
    const findings = new Findings({
      pool: (...asked) => database.pool(...asked),
      rowsOf: (...asked) => {
        looks += 1;
        return database.rowsOf(...asked);
      },
    });

    const found = await foundFor(findings, views, { tenantId: yard.tenantId });

    assert.deepEqual(
      found.map((each) => each.map(({ records }) => records[0]?.id)),
      [['P1e'], [], ['P1g']],
    );
    assert.equal(looks, 1);
    for (const { id } of views) await yard.say(id, 'anna', { decision: 'refused', note: 'No.' });
  });

  it('carry out what nobody waits for by a run of its own', async () => {
    const parcel = await yard.parcel('P2');
    const view = await yard.asked({ parcel, attended: false });
    assert.equal(await yard.became(String(view.runId)), 'proposed');
    assert.equal(await yard.slips(parcel), 0);

    await yard.say(view.id, 'anna');

    const run = await yard.applied(view.id);
    const head = await yard.tutti.history.head(yard.tenantId, run);
    assert.deepEqual([head.workflow, head.status], ['apply:yard.parcel.hold', 'succeeded']);
    assert.equal(await yard.slips(parcel), 1);
    assert.equal(await yard.effect(keyOf(view)), 'applied');
    assert.deepEqual(await yard.questions(keyOf(view)), ['consumed']);
    assert.equal((await yard.settled(view.id, 'consumed')).effect?.applyRun, run);
  });

  it('are carried out past many whose tool this engine does not have', async () => {
    const parcel = await yard.parcel('P2b');
    const view = await yard.asked({ parcel, attended: false });
    await yard.query(
      `WITH other AS (SELECT sha256(n::text::bytea) AS key FROM generate_series(1, 100) n),
        effect AS (INSERT INTO tutti.effect SELECT (jsonb_populate_record(e, jsonb_build_object('key', other.key, 'tool', 'gone.tool'))).*
          FROM tutti.effect e, other WHERE encode(e.key, 'hex') = $2)
      INSERT INTO tutti.approval SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(), 'effect_key', other.key,
          'state', 'granted', 'closed_at', now() - interval '1 hour'))).* FROM tutti.approval a, other WHERE a.id = $1`,
      [view.id, keyOf(view)],
    );

    await yard.say(view.id, 'anna');

    await yard.applied(view.id);
    assert.equal(await yard.slips(parcel), 1);
  });

  for (const attended of [true, false]) {
    it(`end with one no (${attended ? 'a step that waits' : 'a proposal'})`, async () => {
      const parcel = await yard.parcel(`P3${attended}`);
      const view = await yard.asked({ parcel, attended });

      await yard.say(view.id, 'anna', { decision: 'refused', note: 'Not yet.' });

      const became = attended ? 'approval.refused' : 'proposed';
      assert.equal(await yard.became(String(view.runId)), became);
      assert.equal(await yard.effect(keyOf(view)), 'refused');
      const again = await yard.start({ parcel, attended: false });
      if (!attended) assert.equal(await yard.became(again), 'approval.refused');
      assert.equal(await yard.slips(parcel), 0);
    });
  }

  it('ask once, however often the same is proposed', async () => {
    const parcel = await yard.parcel('P4');
    const first = await yard.asked({ parcel, attended: false });
    const again = await yard.start({ parcel, attended: false });
    assert.equal(await yard.became(again), 'proposed');

    assert.deepEqual(await yard.questions(keyOf(first)), ['open']);
  });

  it('ask anew when something else is proposed under the same key, and what was open is withdrawn', async () => {
    const parcel = await yard.parcel('P5');
    const first = await yard.asked({ parcel, attended: false });
    const again = await yard.start({ parcel, attended: false, reason: 'broken' });
    assert.equal(await yard.became(again), 'proposed');
    const [open] = await yard.approvals.list(yard.tenantId, { runId: again, limit: 1 });

    assert.deepEqual(await yard.questions(keyOf(first)), ['withdrawn', 'open']);
    await assert.rejects(yard.say(first.id, 'anna'), { code: 'APPROVAL_CLOSED' });
    await yard.say(String(open?.id), 'ben');
    await yard.applied(String(open?.id));
    assert.equal(await yard.slips(parcel), 1);
  });

  it('serve one write when two steps wait for the same effect', async () => {
    const parcel = await yard.parcel('P6');
    const first = await yard.asked({ parcel, workflow: 'seal' });
    const second = await yard.start({ parcel, workflow: 'seal' });
    await eventually(async () => {
      const steps = await yard.tutti.history.steps(yard.tenantId, second);
      return steps[0]?.status === 'waiting';
    });

    await yard.say(first.id, 'anna');

    const ends = [await yard.became(String(first.runId)), await yard.became(second)];
    // Whoever meets what has begun repeats it where the ERP says that this does no harm.
    for (const end of ends) assert.match(end, /^(applied|replayed)$/);
    assert.equal(await yard.slips(parcel), 1);
    assert.deepEqual(await yard.questions(keyOf(first)), ['consumed']);
  });

  it('end with the step that waits', async () => {
    const parcel = await yard.parcel('P7');
    const view = await yard.asked({ parcel });
    const runId = String(view.runId);
    await yard.tutti.engine.ask({
      ...{ tenantId: yard.tenantId, runId, kind: 'cancel' },
      actor: { kind: 'person', id: 'cli:rita' },
    });
    await yard.became(runId);

    await yard.settled(view.id, 'withdrawn');
    await assert.rejects(yard.say(view.id, 'anna'), { code: 'APPROVAL_CLOSED' });
    assert.equal(await yard.slips(parcel), 0);
  });
});
