import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Delegations } from '../../core/engine/approvals/delegations.ts';
import type { ApprovalView } from '../../core/engine/approvals/view.ts';
import { keyOf, type Order, Yard } from '../engine/approvals/yard.ts';
import { eventually } from '../support/eventually.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Place, runCli } from './cli.ts';

const config = fileURLToPath(new URL('../support/fixtures/effects.config.ts', import.meta.url));

/** Somebody who must not decide what they ask for. */
interface Self {
  readonly name: string;
  readonly actor: NonNullable<Order['actor']>;
  readonly attended: boolean;
  readonly as: string;
  readonly word: 'approve' | 'refuse';
}

const anna = { kind: 'person', id: 'cli:anna' } as const;
const forBen = { kind: 'person', id: 'cli:rita', onBehalfOf: ['ben'] } as const;
const [yes, no] = ['approve', 'refuse'] as const;
const selves: readonly Self[] = [
  { name: 'who asks', actor: anna, attended: true, as: 'CLI:Anna', word: yes },
  { name: 'who asks', actor: anna, attended: false, as: 'anna', word: no },
  { name: 'for whom somebody asks', actor: forBen, attended: false, as: 'ben', word: yes },
  { name: 'whom somebody who asks lets decide', actor: anna, attended: true, as: 'eve', word: yes },
  { name: 'the agent itself', actor: anna, attended: false, as: 'yard.keeper', word: yes },
];

describe('the commands on approvals of effects', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});
  let yard: Yard;
  let place: Place;
  let count = 0;

  before(async () => {
    yard = await Yard.open('?tier=desks');
    place = { cwd: folder.path, env: { DATABASE_URL: yard.fresh.url } };
    const delegations = new Delegations(yard.pool);
    const until = new Date(Date.now() + 3_600_000);
    const { tenantId } = yard;
    for (const from of ['anna', 'dora'])
      await delegations.hand({ tenantId, from, to: 'eve', until, actor: anna });
  });
  after(async function () {
    folder[Symbol.dispose]();
    await yard.close(this);
  });

  const tutti = (...args: string[]) => runCli(place, [...args, '--config', config]);

  async function asked(order: Omit<Order, 'parcel'> = {}): Promise<ApprovalView> {
    count += 1;
    return yard.asked({ parcel: await yard.parcel(`C${count}`), ...order });
  }
  const slipsOf = ({ effect }: ApprovalView) => yard.slips(String(effect?.targetId));

  it('show exactly what would be written, and what nobody waits for is carried out on a yes', async () => {
    verifies('R12.approvals');
    const reason = 'late\n  then     nothing is written \u202egnp';
    const step = await asked({ reason });
    const proposal = await asked({ attended: false });

    const { stdout, stderr } = await tutti('approvals');

    assert.equal(stderr, '');
    for (const [view, why, then] of [
      [step, 'late then nothing is written gnp', 'its step goes on'],
      [proposal, 'late', 'it is carried out by a run of its own'],
    ] as const) {
      const id = String(view.effect?.targetId);
      const block = stdout.split('\n\n').find((each) => each.startsWith(view.id));
      const lines = (block ?? '').split('\n').map((line) => line.replace(/\s{2,}/g, ' ').trim());
      assert.deepEqual(
        lines.filter((line) => !line.startsWith('until ')),
        [
          `${view.id} yard.parcel.hold parcel ${id}`,
          `args.parcel ${id}`,
          `args.reason ${why}`,
          `parcel.code ${id}`,
          'parcel.weight 5',
          'parcel.memo [text of 4 characters, 13c7e76eb87f]',
          'parcel.held false',
          'asked by tester through yard.keeper, in hold one',
          `then ${then}`,
          'decide clerk (anna, ben, cleo)',
          'yes 0 of 1',
        ],
      );
    }
    assert.match(stdout, /\n2 approvals open\.\n$/);
    assert.deepEqual([await slipsOf(step), await slipsOf(proposal)], [0, 0]);

    const both = await tutti('approve', step.id, proposal.id, '--as', 'anna');

    assert.equal(both.code, 0, both.stderr);
    const [first, second] = both.stdout.split('\n');
    assert.match(first ?? '', new RegExp(`^Approval ${step.id} is granted: 1 of 1 yes`));
    assert.match(second ?? '', new RegExp(`^Approval ${proposal.id} is granted: .*carried out`));
    assert.equal(await yard.became(String(step.runId)), 'applied');
    const run = await yard.applied(proposal.id);
    assert.deepEqual([await slipsOf(step), await slipsOf(proposal)], [1, 1]);
    // A run that is stored is begun at once, and the question names it a statement later.
    const all = await eventually(async () => {
      const { stdout } = await tutti('approvals', '--all');
      return stdout.includes(`carried out by ${run}\n`) ? stdout : null;
    });
    assert.match(all, new RegExp(`then +carried out by ${run}\n`));
    assert.match(all, /\n0 approvals open\.\n$/);
  });

  it('tell what the agent has found about the records in question, and only that', async () => {
    const { effect } = await asked({ reason: 'odd', attended: false });

    const { stdout } = await tutti('approvals');

    const found = stdout.split('\n').filter((line) => line.includes(' odd.'));
    assert.deepEqual(
      found.map((line) => line.trim().replace(/\s{2,}/g, ' ')),
      [`found Parcel ${effect?.targetId} is [31m odd.`],
    );
  });

  it('write nothing of what is refused, and stop at the first that does not take the word', async () => {
    const [step, proposal, mine, next] = [
      await asked(),
      await asked({ attended: false }),
      await asked({ actor: anna }),
      await asked(),
    ];
    for (const { id } of [step, proposal]) {
      const no = await tutti('refuse', id, '--note', 'Not yet.', '--as', 'anna');
      assert.deepEqual([no.code, no.stderr], [0, '']);
      assert.match(no.stdout, /is refused/);
    }
    const some = await tutti('approve', mine.id, next.id, '--as', 'anna');

    assert.equal(some.code, 2);
    assert.match(some.stderr, /^APPROVAL_NOT_YOURS: /);
    assert.equal((await yard.settled(next.id, 'open')).yeses, 0);
    assert.equal(await yard.became(String(step.runId)), 'approval.refused');
    assert.equal(await yard.effect(keyOf(proposal)), 'refused');
    for (const view of [step, proposal, mine, next]) assert.equal(await slipsOf(view), 0);
  });

  for (const { name, actor, attended, as, word } of selves) {
    it(`take no '${word}' from ${name}${attended ? '' : ', of a proposal'}`, async () => {
      verifies('R12.approvals');
      const view = await asked({ actor, attended });

      const note = word === 'refuse' ? ['--note', 'Mine.'] : [];
      const { code, stdout, stderr } = await tutti(word, view.id, '--as', as, ...note);

      assert.deepEqual([code, stdout], [2, '']);
      // Whom a right was handed that its giver cannot use has none; the others are parties.
      const why = as === 'eve' ? /is none of them/ : /is asked for by '.*somebody else must decide/;
      assert.match(stderr, /^APPROVAL_NOT_YOURS: /);
      assert.match(stderr, why);
      assert.equal((await yard.settled(view.id, 'open')).votes.length, 0);
      assert.equal(await slipsOf(view), 0);
    });
  }

  it('count who said yes, and whoever speaks for them, as one', async () => {
    verifies('R12.approvals');
    const view = await asked({ workflow: 'seal', attended: false });
    const say = (word: string, as: string) =>
      tutti(word, view.id, '--as', as, ...(word === 'refuse' ? ['--note', 'No.'] : []));

    for (const [word, as, said] of [
      ['approve', 'dora', /is open: 1 of 2 yes/],
      ['approve', 'eve', /is open: 1 of 2 yes/],
      ['refuse', 'dora', /^APPROVAL_VOTED: /],
    ] as const) {
      const { stdout, stderr } = await say(word, as);
      assert.match(stdout + stderr, said, `${word} by ${as}`);
      assert.equal(await slipsOf(view), 0);
    }
    const last = await say('approve', 'ben');

    assert.match(last.stdout, /is granted: 2 of 2 yes/);
    await yard.applied(view.id);
    assert.equal(await slipsOf(view), 1);
  });

  it('refuse by the run that carries out what has changed since the yes', async () => {
    const view = await asked({ attended: false });
    await yard.became(String(view.runId));
    const hold = (run: string | null) =>
      yard.query('UPDATE tutti.approval SET apply_run = $2 WHERE id = $1', [view.id, run]);

    // Until it is free, no engine carries it out.
    await hold(view.id);
    const yes = await tutti('approve', view.id, '--as', 'anna');
    assert.equal(yes.code, 0, yes.stderr);
    await yard.change(String(view.effect?.targetId), { weight: 9 });
    await hold(null);

    const run = await yard.applied(view.id);
    assert.equal(await yard.became(run), 'approval.binds');
    assert.equal(await slipsOf(view), 0);
    await yard.settled(view.id, 'withdrawn');
  });

  it('have no other way to what people are asked about', async () => {
    const [view, done] = [await asked({ attended: false }), await asked({ attended: false })];
    await yard.say(done.id, 'anna');
    await yard.applied(done.id);
    const input = JSON.stringify({
      ...{ effect: keyOf(view), approval: view.id },
      args: { parcel: view.effect?.targetId, reason: 'late' },
    });
    const name = 'apply:yard.parcel.hold';
    const byHand = await tutti('run', name, '--input', input);
    // The version that the engine keeps for its own runs, wherever somebody looks for it.
    await yard.query(
      `INSERT INTO tutti.definition SELECT (jsonb_populate_record(d, jsonb_build_object('tenant_id', t.id))).*
       FROM tutti.definition d, tutti.tenant t WHERE d.name = $1 AND d.version = 1 ON CONFLICT DO NOTHING`,
      [name],
    );
    const others = [
      byHand,
      await tutti('run', name, '--version', '1', '--input', input),
      await tutti('workflow', 'publish', name),
    ];
    const settled = await tutti(
      ...['settle', keyOf(view), 'happened', '--outcome', '{"version":"2"}'],
    );

    for (const { code, stderr } of others) {
      assert.equal(code, 2, stderr);
      assert.match(stderr, /^WORKFLOW_UNKNOWN: /);
    }
    assert.equal(settled.code, 2);
    assert.match(settled.stderr, /^EFFECT_SETTLED: /);
    assert.equal((await yard.settled(view.id, 'open')).effect?.applyRun, null);
    assert.equal(await slipsOf(view), 0);
  });
});
