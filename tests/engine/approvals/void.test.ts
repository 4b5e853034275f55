import assert from 'node:assert/strict';
import { Text } from '../../../core/base/text.ts';
import { Delegations } from '../../../core/engine/approvals/delegations.ts';
import type { ApprovalView } from '../../../core/engine/approvals/view.ts';
import { requestOf } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { keyOf, Yard } from './yard.ts';

/** What happens between the question and the yes, or is done with the yes. */
interface Case {
  readonly name: string;
  /** How the engine is set when people are asked. @default one clerk */
  readonly before?: string;
  readonly meanwhile: (yard: Yard, view: ApprovalView) => Promise<void>;
  /** The rule by which the run refuses that carries it out. */
  readonly rule: string;
  /** What becomes of the step that waits: it is asked anew, or refused. */
  readonly step: 'asked' | 'refused' | 'applied';
}

/** By one clerk, all of them. */
const ofRecords: readonly Case[] = [
  {
    name: 'a field that they were shown has changed',
    meanwhile: (yard, { effect }) => yard.change(String(effect?.targetId), { weight: 9 }),
    rule: 'approval.binds',
    step: 'asked',
  },
  {
    name: 'a text of the record is another one, as long as the one before',
    meanwhile: (yard, { effect }) =>
      yard.change(String(effect?.targetId), { memo: new Text('hard') }),
    rule: 'approval.binds',
    step: 'asked',
  },
  {
    name: 'a field has changed that nobody was shown',
    meanwhile: (yard, { effect }) => yard.change(String(effect?.targetId), { note: 'other' }),
    rule: '',
    step: 'applied',
  },
];

/** In an order in which most begin as the one before has ended: each setting is an engine of its own. */
const ofSettings: readonly Case[] = [
  {
    name: 'the tool promises something else',
    meanwhile: (yard) => yard.set('?contract'),
    rule: 'approval.contract',
    step: 'asked',
  },
  {
    name: 'the policy has changed, and still lets those who agreed',
    before: '?contract',
    meanwhile: (yard) => yard.set('?contract&tier=anybody'),
    rule: '',
    step: 'applied',
  },
  {
    name: 'more people must agree by now',
    before: '?contract&tier=anybody',
    meanwhile: (yard) => yard.set('?contract&tier=two'),
    rule: 'approval.tier',
    step: 'asked',
  },
  {
    name: 'other people must agree by now',
    meanwhile: (yard) => yard.set('?tier=heads'),
    rule: 'approval.tier',
    step: 'asked',
  },
  {
    name: 'the agent may only observe by now',
    meanwhile: (yard) => yard.set('?autonomy=observe'),
    rule: 'autonomy.observe',
    step: 'refused',
  },
];

describe('a yes to an effect', function () {
  this.timeout(240_000);
  let yard: Yard;
  let count = 0;

  before(async () => {
    yard = await Yard.open();
  });
  after(async function () {
    await yard.close(this);
  });
  function aParcel(): Promise<string> {
    count += 1;
    return yard.parcel(`V${count}`);
  }

  function itIsMet({ name, before = '', meanwhile, rule, step }: Case): void {
    const isGood = step === 'applied';
    it(`${isGood ? 'holds' : 'is void'} for a proposal and for a step that waits when ${name}`, async () => {
      verifies('R12.approvals');
      await yard.set(before);
      const [proposed, waited] = [await aParcel(), await aParcel()];
      const proposal = await yard.asked({ parcel: proposed, attended: false });
      await yard.became(String(proposal.runId));
      const question = await yard.asked({ parcel: waited });
      const runId = String(question.runId);

      // Until it carries out what was granted, a run is not there: what comes first is met by it.
      await yard.query(`UPDATE tutti.approval SET apply_run = $1 WHERE id = $1`, [proposal.id]);
      await yard.grant(proposal);
      for (const view of [proposal, question]) await meanwhile(yard, view);
      await yard.query(`UPDATE tutti.approval SET apply_run = NULL WHERE id = $1`, [proposal.id]);
      // A run whose tools have changed is held until somebody lets it go on.
      const actor = { kind: 'person', id: 'cli:rita' } as const;
      await yard.tutti.engine.ask({ tenantId: yard.tenantId, runId, kind: 'resume', actor });
      // The yes reaches the step after the change.
      await yard.say(question.id, 'anna').catch(() => {});

      assert.equal(await yard.became(await yard.applied(proposal.id)), rule);
      assert.equal(await yard.slips(proposed), isGood ? 1 : 0);
      assert.equal(await yard.effect(keyOf(proposal)), isGood ? 'applied' : 'refused');
      await yard.settled(proposal.id, isGood ? 'consumed' : 'withdrawn');

      if (step === 'asked') {
        const anew = await yard.question(runId);
        assert.notEqual(anew.id, question.id);
        await yard.settled(question.id, 'withdrawn');
      } else assert.equal(await yard.became(runId), isGood ? 'applied' : rule);
      assert.equal(await yard.slips(waited), isGood ? 1 : 0);
    });
  }

  for (const each of ofRecords) itIsMet(each);

  it('is carried out although another cannot be, of which nobody can read what was proposed', async () => {
    verifies('R12.approvals');
    await yard.set();
    const views = [];
    for (const parcel of [await aParcel(), await aParcel()]) {
      const view = await yard.asked({ parcel, attended: false });
      await yard.became(String(view.runId));
      await yard.query(`UPDATE tutti.approval SET apply_run = $1 WHERE id = $1`, [view.id]);
      await yard.grant(view);
      views.push(view);
    }
    const [sick, well] = views as [ApprovalView, ApprovalView];
    await yard.query(
      `UPDATE tutti.payload p SET body = '\\xff' FROM tutti.approval a WHERE a.id = $1 AND p.run_id = a.effect_run AND p.seq = a.effect_seq`,
      [sick.id],
    );
    for (const { id } of views)
      await yard.query(`UPDATE tutti.approval SET apply_run = NULL WHERE id = $1`, [id]);

    assert.equal(await yard.became(await yard.applied(well.id)), '');
    const [row] = await yard.query(`SELECT apply_run FROM tutti.approval WHERE id = $1`, [sick.id]);
    assert.deepEqual(row, { apply_run: null });
    await yard.query(`UPDATE tutti.approval SET state = 'withdrawn' WHERE id = $1`, [sick.id]);
  });

  it('is no yes by whoever asks, nor by whom they hand their right to', async () => {
    await yard.set();
    const delegations = new Delegations(yard.pool);
    const actor = { kind: 'person', id: 'cli:anna' } as const;
    const until = new Date(Date.now() + 60_000);
    await delegations.hand({ tenantId: yard.tenantId, from: 'anna', to: 'eve', until, actor });
    for (const attended of [true, false]) {
      const parcel = await aParcel();
      const view = await yard.asked({ parcel, attended, actor });

      for (const person of ['anna', 'eve', 'yard.keeper'])
        await assert.rejects(yard.say(view.id, person), { code: 'APPROVAL_NOT_YOURS' });
      assert.equal(await yard.slips(parcel), 0);
    }
  });

  it('is good for one write, whoever asks for another', async () => {
    await yard.set();
    const parcel = await aParcel();
    const view = await yard.asked({ parcel, attended: false });
    await yard.say(view.id, 'anna');
    await yard.applied(view.id);

    const again = await byHand({ effect: keyOf(view), approval: view.id, parcel, reason: 'late' });
    const step = await yard.asked({ parcel });

    assert.match(await yard.became(again), /^$/);
    assert.notEqual(step.id, view.id);
    assert.equal(await yard.slips(parcel), 1);
  });

  it('is not for other arguments, nor for another effect, nor before it is given', async () => {
    await yard.set();
    const [parcel, other] = [await aParcel(), await aParcel()];
    const view = await yard.asked({ parcel, attended: false });
    const its = { effect: keyOf(view), approval: view.id };

    const early = await byHand({ ...its, parcel, reason: 'late' });
    assert.equal(await yard.became(early), 'approval.open');
    await yard.query(`UPDATE tutti.approval SET apply_run = $2 WHERE id = $1`, [view.id, view.id]);
    await yard.say(view.id, 'anna');

    for (const args of [
      { parcel, reason: 'for fun' },
      { parcel: other, reason: 'late' },
    ])
      assert.equal(await yard.became(await byHand({ ...its, ...args })), 'approval.args');
    const next = await yard.asked({ parcel: other, attended: false });
    const swapped = { effect: keyOf(next), approval: view.id, parcel: other, reason: 'late' };
    assert.equal(await yard.became(await byHand(swapped)), 'approval.other');
    assert.deepEqual([await yard.slips(parcel), await yard.slips(other)], [0, 0]);
    assert.deepEqual(await yard.questions(keyOf(view)), ['granted']);
  });

  it('is used by no run that somebody starts: there is no such workflow to start', async () => {
    const request = requestOf('apply:yard.parcel.hold', { tenantId: yard.tenantId });
    await assert.rejects(yard.tutti.engine.startRun(request), { code: 'WORKFLOW_UNKNOWN' });
  });

  for (const each of ofSettings) itIsMet(each);

  it('is void once its time is over', async () => {
    await yard.set('?tier=short');
    for (const attended of [true, false]) {
      const parcel = await aParcel();
      const runId = await yard.start({ parcel, attended });
      // It may be over before anybody sees it open.
      const { id } = await eventually(
        async () => (await yard.approvals.list(yard.tenantId, { runId, limit: 1 }))[0],
      );
      await yard.settled(id, 'expired');

      await assert.rejects(yard.say(id, 'anna'), { code: 'APPROVAL_CLOSED' });
      const became = attended ? 'approval.expired' : 'proposed';
      assert.equal(await yard.became(runId), became);
      assert.equal(await yard.slips(parcel), 0);
    }
  });

  /** A run as the engine makes them for grants, but by somebody else's hand. */
  async function byHand(input: {
    readonly effect: string;
    readonly approval: string;
    readonly parcel: string;
    readonly reason: string;
  }): Promise<string> {
    const { effect, approval, ...args } = input;
    const { store } = yard.tutti.host;
    const [known] = await yard.query<{ version: number }>(
      `SELECT max(version) AS version FROM tutti.definition WHERE tenant_id = $1 AND name = 'apply:yard.parcel.hold'`,
      [yard.tenantId],
    );
    const request = requestOf('apply:yard.parcel.hold', { tenantId: yard.tenantId });
    const { id } = await store.createRun(
      { ...request, input: { effect, approval, args }, attended: true },
      Number(known?.version),
    );
    return id;
  }
});
