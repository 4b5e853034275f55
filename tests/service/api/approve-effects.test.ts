import assert from 'node:assert/strict';
import { statusOf } from '../../../bin/parts/telemetry-of.ts';
import { Delegations } from '../../../core/engine/approvals/delegations.ts';
import type { ApprovalView } from '../../../core/engine/approvals/view.ts';
import { Reviews } from '../../../core/engine/store/reviews.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { keyOf, type Order, Yard } from '../../engine/approvals/yard.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

interface List {
  readonly items: readonly ApprovalView[];
}

/** Why whoever calls must not decide it. */
interface Self {
  readonly name: string;
  readonly actor: NonNullable<Order['actor']>;
  readonly workflow: 'hold' | 'seal';
}

const local = { kind: 'person', id: 'local' } as const;
const selves: readonly Self[] = [
  { name: 'who asks', actor: local, workflow: 'hold' },
  {
    name: 'for whom somebody asks',
    actor: { kind: 'person', id: 'cli:rita', onBehalfOf: ['local'] },
    workflow: 'hold',
  },
  {
    name: 'whom somebody who asks lets decide',
    actor: { kind: 'person', id: 'cli:dora' },
    workflow: 'seal',
  },
];

describe('/v1/approvals of effects', () => {
  let yard: Yard;
  let server: Listening;
  let count = 0;

  before(async () => {
    yard = await Yard.open('?tier=desks&local');
    const { tenantId, approvals, pool } = yard;
    const { history, engine, host } = yard.tutti;
    const reviews = new Reviews(pool);
    const parts = { history, engine, registry: host.registry, tenantId, approvals, reviews };
    server = await listen(createApp({ ...parts, status: statusOf(host) }), { port: 0 });
    const until = new Date(Date.now() + 3_600_000);
    const from = 'dora';
    await new Delegations(pool).hand({ tenantId, from, to: 'local', until, actor: local });
  });
  after(async function () {
    await server.close();
    await yard.close(this);
  });

  const get = (path: string) => fetch(`${server.url}${path}`);
  let keys = 0;
  const post = (path: string, body: object) => {
    keys += 1;
    return fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `k${keys}` },
      body: JSON.stringify(body),
    });
  };
  const decide = (id: string, decision: 'granted' | 'refused') =>
    post(`/v1/approvals/${id}/decision`, { decision, note: 'By HTTP.' });

  async function aParcel(): Promise<string> {
    count += 1;
    return yard.parcel(`H${count}`);
  }
  const asked = async (order: Omit<Order, 'parcel'> = {}): Promise<ApprovalView> =>
    yard.asked({ parcel: await aParcel(), ...order });
  const slipsOf = ({ effect }: ApprovalView) => yard.slips(String(effect?.targetId));

  /** Nobody has said anything that counts, and nothing is written. */
  async function isUntouched(view: ApprovalView): Promise<void> {
    assert.equal((await yard.settled(view.id, 'open')).votes.length, 0);
    assert.equal(await slipsOf(view), 0);
  }

  it('are listed and counted by the module whose tool would write', async () => {
    verifies('R11.system-status');
    const { id } = await asked();
    const { items: open } = await json<List>(await get('/v1/approvals?state=open&limit=1000'));
    const { items } = await json<List>(await get('/v1/approvals?module=yard&limit=1000'));
    const { items: none } = await json<List>(await get('/v1/approvals?module=other'));
    const { items: theirs } = await json<{
      readonly items: readonly { readonly approval: string }[];
    }>(await get('/v1/proposals?module=yard'));
    const { items: nobodys } = await json<List>(await get('/v1/proposals?module=other'));

    assert.ok(
      items.some((each) => each.id === id) && theirs.some(({ approval }) => approval === id),
    );
    assert.deepEqual([none, nobodys], [[], []]);
    const { people } = await json<{ readonly people: unknown }>(await get('/v1/status'));
    assert.deepEqual(people, {
      openApprovals: open.length,
      approvalsByModule: [{ module: 'yard', count: open.length }],
      effectsInReview: 0,
    });
  });

  for (const attended of [true, false]) {
    const who = attended ? 'a step that waits' : 'a proposal';

    it(`shows exactly what would be written, and a yes has it written: ${who}`, async () => {
      verifies('R12.approvals');
      const view = await asked({ attended });
      const found = await json<ApprovalView>(await get(`/v1/approvals/${view.id}`));
      const page = await json<{ readonly items: readonly ApprovalView[] }>(
        await get(`/v1/approvals?state=open&run=${view.runId}`),
      );
      const parcel = String(view.effect?.targetId);

      assert.deepEqual(page.items, [found]);
      assert.deepEqual(
        [found.title, found.shown],
        [
          `yard.parcel.hold parcel ${parcel}`,
          {
            args: { parcel, reason: 'late' },
            parcel: {
              code: parcel,
              weight: 5,
              memo: '[text of 4 characters, 13c7e76eb87f]',
              held: false,
            },
          },
        ],
      );
      assert.deepEqual(
        [found.effect?.key, found.effect?.waits, found.effect?.applyRun],
        [keyOf(view), attended, null],
      );
      assert.equal(await slipsOf(view), 0);

      const yes = await decide(view.id, 'granted');

      assert.equal(yes.status, 200);
      assert.deepEqual((await json<ApprovalView>(yes)).votes[0]?.via, 'api');
      if (attended) assert.equal(await yard.became(String(view.runId)), 'applied');
      else await yard.applied(view.id);
      assert.equal(await slipsOf(view), 1);
      await problem(await decide(view.id, 'refused'), 409, 'APPROVAL_CLOSED');
    });

    it(`writes nothing of what is refused: ${who}`, async () => {
      const view = await asked({ attended });

      assert.equal((await decide(view.id, 'refused')).status, 200);

      const became = attended ? 'approval.refused' : 'proposed';
      assert.equal(await yard.became(String(view.runId)), became);
      const { detail } = await problem(await decide(view.id, 'granted'), 409, 'APPROVAL_CLOSED');
      assert.match(detail, /was refused by local/);
      assert.equal(await yard.effect(keyOf(view)), 'refused');
      assert.equal(await slipsOf(view), 0);
    });

    it(`takes no word by this address on what was started by it: ${who}`, async () => {
      verifies('R12.approvals');
      const input = { parcel: await aParcel() };
      const started = await post('/v1/runs', { workflow: 'hold', input, attended });
      const { id } = await json<{ readonly id: string }>(started);
      const view = await yard.question(id);

      for (const decision of ['granted', 'refused'] as const)
        await problem(await decide(view.id, decision), 403, 'APPROVAL_NOT_YOURS');
      await isUntouched(view);
    });

    for (const { name, actor, workflow } of selves)
      it(`takes no word from ${name}: ${who}`, async () => {
        verifies('R12.approvals');
        const view = await asked({ actor, workflow, attended });

        for (const decision of ['granted', 'refused'] as const)
          await problem(await decide(view.id, decision), 403, 'APPROVAL_NOT_YOURS');
        await isUntouched(view);
      });
  }

  it('counts who said yes, and whoever speaks for them, as one', async () => {
    verifies('R12.approvals');
    const view = await asked({ workflow: 'seal', attended: false });
    await yard.say(view.id, 'dora');

    for (const _ of ['once', 'again']) {
      const { state, yeses } = await json<ApprovalView>(await decide(view.id, 'granted'));
      assert.deepEqual([state, yeses], ['open', 1]);
    }
    await problem(await decide(view.id, 'refused'), 409, 'APPROVAL_VOTED');
    await assert.rejects(yard.say(view.id, 'dora', { decision: 'refused', note: 'No.' }), {
      code: 'APPROVAL_VOTED',
    });
    assert.equal(await slipsOf(view), 0);

    assert.equal((await yard.say(view.id, 'ben')).state, 'granted');
    await yard.applied(view.id);
    assert.equal(await slipsOf(view), 1);
  });

  it('has what has changed since the yes refused by the run that carries it out', async () => {
    const view = await asked({ attended: false });
    await yard.became(String(view.runId));
    const hold = (run: string | null) =>
      yard.query('UPDATE tutti.approval SET apply_run = $2 WHERE id = $1', [view.id, run]);

    // Until it is free, no engine carries it out.
    await hold(view.id);
    assert.equal((await decide(view.id, 'granted')).status, 200);
    await yard.change(String(view.effect?.targetId), { weight: 9 });
    await hold(null);

    assert.equal(await yard.became(await yard.applied(view.id)), 'approval.binds');
    assert.equal(await slipsOf(view), 0);
    const shown = await eventually(async () => {
      const found = await json<ApprovalView>(await get(`/v1/approvals/${view.id}`));
      return found.state === 'granted' ? null : found;
    });
    assert.equal(shown.state, 'withdrawn');
  });

  it('has no other way to what people are asked about', async () => {
    verifies('R10.problems');
    const view = await asked({ attended: false });
    const workflow = 'apply:yard.parcel.hold';
    const args = { parcel: view.effect?.targetId, reason: 'late' };
    const input = { effect: keyOf(view), approval: view.id, args };
    // The version that the engine keeps for its own runs is there.
    const done = await asked({ attended: false });
    await decide(done.id, 'granted');
    await yard.applied(done.id);

    for (const more of [{}, { version: 1 }, { version: 1, attended: true }]) {
      const started = await post('/v1/runs', { workflow, input, ...more });
      await problem(started, 404, 'WORKFLOW_UNKNOWN');
    }
    const actor = { kind: 'person', id: 'ben' };
    const asBen = await post('/v1/runs', { workflow: 'hold', input: args, actor });
    await problem(asBen, 400, 'INPUT_INVALID');
    for (const as of ['as', 'person', 'via', 'onBehalfOf']) {
      const body = { decision: 'granted', [as]: 'anna' };
      await problem(await post(`/v1/approvals/${view.id}/decision`, body), 400, 'INPUT_INVALID');
    }
    for (const verdict of ['happened', 'retry']) {
      const outcome = verdict === 'happened' ? { outcome: { version: '2' } } : {};
      const settled = await post(`/v1/effects/${keyOf(view)}/settle`, { verdict, ...outcome });
      await problem(settled, 409, 'EFFECT_SETTLED');
    }
    await isUntouched(view);
  });
});
