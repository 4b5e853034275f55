import assert from 'node:assert/strict';
import type pg from 'pg';
import { openHost } from '../../../bin/host.ts';
import { agentsOf } from '../../../bin/parts/agents-of.ts';
import { policiesOf } from '../../../bin/parts/policies-of.ts';
import { setLevel } from '../../../core/engine/authority/levels.ts';
import { machineMs } from '../../../core/engine/authority/stops.ts';
import type { Policies } from '../../../core/engine/policies/policies.ts';
import { SettingStore } from '../../../core/engine/recovery/setting-store.ts';
import { Reviews } from '../../../core/engine/store/reviews.ts';
import { agentsOfVersions } from '../../../core/engine/versions/published.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const anna = { kind: 'person', id: 'anna' } as const;
const ben = { kind: 'person', id: 'ben' } as const;
const configOf = (name: string) =>
  new URL(`../../support/fixtures/${name}.config.ts`, import.meta.url);

/** Lets the second pass for which a thread may go by what it has read. */
async function settled(): Promise<void> {
  const until = machineMs() + 1_000;
  await eventually(() => machineMs() > until);
}

describe('policies that are put in force while engines run', () => {
  let fresh: FreshDatabase;
  let one: TestEngine;
  let other: TestEngine;
  let policies: Policies;
  let pool: pg.Pool;
  let tenantId: number;
  const speaker = () => ({ tenantId, actor: anna });

  before(async () => {
    fresh = await freshDatabase();
    one = await openTestEngine(configOf('authority'), { fresh });
    other = await openTestEngine(configOf('authority'), { fresh });
    tenantId = await one.host.store.tenant('cabinet');
    policies = policiesOf(one.host);
    pool = one.host.database.pool('tutti_engine', 1);
  });
  after(async function () {
    await other.close();
    await one.close();
    await fresh.drop(this);
  });

  async function query<T extends object>(text: string, ...values: readonly unknown[]) {
    return (await pool.query<T>(text, [...values])).rows;
  }

  /** What a run's agent was answered. */
  async function make(code: string, { engine } = other): Promise<{ id: string; became: unknown }> {
    const { id } = await engine.startRun(requestOf('make', { tenantId, input: { code } }));
    assert.equal(await engine.whenEnded(id), 'succeeded');
    const [found] = await query<{ became: unknown }>(
      `SELECT convert_from(p.body, 'UTF8')::jsonb->>'became' AS became FROM tutti.entry e JOIN tutti.payload p USING (tenant_id, run_id, seq)
       WHERE e.run_id = $1 AND e.kind = 'run.ended'`,
      id,
    );
    return { id, became: found?.became };
  }

  /** Which policy the journal of a run names. */
  async function decidedBy(runId: string): Promise<readonly unknown[]> {
    const rows = await query<{ data: { rule: string; policy?: unknown } }>(
      "SELECT data FROM tutti.entry WHERE run_id = $1 AND kind = 'tool.called' ORDER BY seq",
      runId,
    );
    return rows.map(({ data: { rule, policy } }) => [rule, policy]);
  }

  const document = (autonomy: string) => ({
    name: 'cabinet',
    grants: [{ agents: ['cabinet.*'], tools: ['cabinet.*'], autonomy }],
  });

  it('are in force on every engine within a second, at the moment of the write, and the record names name and version', async () => {
    verifies('R12.policy');
    const before = await make('P1');
    const draft = await policies.draft(speaker(), 'cabinet', document('propose'));
    await settled();
    const drafted = await make('P2');

    const said = await policies.publish(speaker(), 'cabinet');
    await settled();
    const [here, there] = [await make('P3', one), await make('P4', other)];

    assert.deepEqual([before.became, drafted.became], ['applied', 'applied']);
    assert.deepEqual(
      [draft, said.state],
      [{ name: 'cabinet', version: 1, isNew: true }, 'in_force'],
    );
    assert.deepEqual(
      said.changes.map(({ text }) => text),
      ['cabinet.* may propose with cabinet.*; before: act'],
    );
    assert.deepEqual([here.became, there.became], ['proposed', 'proposed']);
    const [[rule, code] = []] = (await decidedBy(drafted.id)) as [
      string,
      { name: string; digest: string },
    ][];
    assert.deepEqual([rule, code?.name, code?.digest.length], ['autonomy.act', 'cabinet', 16]);
    const version = { name: 'cabinet', version: 1 };
    assert.deepEqual(await decidedBy(there.id), [['autonomy.propose', version]]);
    const [effect] = await new Reviews(pool).list(tenantId, { runId: drafted.id, limit: 1 });
    assert.deepEqual([effect?.rule, effect?.policy], ['autonomy.act', code]);
    const [proposal] = await one.history.proposals(tenantId, { runId: there.id });
    assert.deepEqual([proposal?.rule, proposal?.policy], ['autonomy.propose', version]);
    const pins = await query<{ inForce: unknown }>(
      `SELECT pins->'inForce' AS "inForce" FROM tutti.run WHERE id = ANY ($1) ORDER BY id`,
      [drafted.id, there.id],
    );
    assert.deepEqual(
      pins.map(({ inForce }) => inForce),
      [null, { cabinet: 1 }],
    );
  });

  it('need a second person where agents may do more by them, and are the word of both then', async () => {
    verifies('R12.policy');
    await policies.draft(speaker(), 'cabinet', document('observe'));
    await policies.publish(speaker(), 'cabinet');

    const wide = await policies.rollBack(speaker(), 'cabinet');
    const again = await policies.rollBack(speaker(), 'cabinet');
    const gone = await policies.withdraw(speaker(), 'cabinet');
    const { version, asks } = await policies.versions(tenantId, 'cabinet');
    const own = policies.agree({ ...speaker(), person: ' Anna' }, 'cabinet', wide.ask as number);
    await assert.rejects(own, { code: 'APPROVAL_NOT_YOURS' });
    const agreed = await policies.agree(
      { tenantId, actor: ben, person: 'ben' },
      'cabinet',
      wide.ask as number,
    );
    const after = await policies.versions(tenantId, 'cabinet');

    assert.deepEqual(
      [wide.state, wide.version, gone.state, again.ask],
      ['asked', 1, 'asked', wide.ask],
    );
    assert.deepEqual([version, asks.map(({ no }) => no)], [2, [gone.ask, wide.ask]]);
    assert.equal(asks[1]?.changes[0]?.direction, 'wider');
    assert.deepEqual([agreed.state, after.version], ['in_force', 1]);
    const [word] = after.history;
    assert.deepEqual(
      [word?.how, word?.actor.id, word?.askedBy?.id],
      ['rolled_back', 'ben', 'anna'],
    );
    // Whatever else was asked is void: something was said since.
    assert.deepEqual(after.asks, []);
    await assert.rejects(
      policies.agree({ tenantId, actor: ben, person: 'ben' }, 'cabinet', gone.ask as number),
      { code: 'POLICY_UNKNOWN' },
    );
    const audit = await query<{ action: string }>(
      "SELECT action FROM tutti.audit WHERE tenant_id = $1 AND action LIKE 'policy.%' ORDER BY seq",
      tenantId,
    );
    assert.deepEqual(
      audit.map(({ action }) => action),
      [
        ...['policy.draft', 'policy.publish', 'policy.draft', 'policy.publish'],
        ...['policy.ask', 'policy.ask', 'policy.rollback'],
      ],
    );
  });

  it('count from the moment that they name, and a later word takes that back', async () => {
    verifies('R12.policy');
    const from = new Date(Date.now() + 3_600_000);
    const said = await policies.publish(speaker(), 'cabinet', { version: 2, from });
    const early = await policies.versions(tenantId, 'cabinet');
    const itComes = 'UPDATE tutti.publication SET effective = now() WHERE effective = $1';
    const { rowCount } = await fresh.database.admin((client) => client.query(itComes, [from]));
    await settled();
    const then = await make('F1');
    const { state } = await policies.publish(speaker(), 'cabinet', {
      version: 1,
      from: new Date(Date.now() + 3_600_000),
    });

    assert.deepEqual([said.state, early.version, rowCount], ['scheduled', 1, 1]);
    assert.equal(early.pending.length, 1);
    assert.deepEqual(
      [then.became, (await decidedBy(then.id))[0]],
      ['autonomy.observe', ['autonomy.observe', { name: 'cabinet', version: 2 }]],
    );
    assert.equal(state, 'asked');
    // What is to be stricter is taken back by nobody alone, either.
    await policies.draft(speaker(), 'cabinet', {
      ...document('observe'),
      duties: [{ pair: ['make', 'pay'], reason: 'apart' }],
    });
    await policies.publish(speaker(), 'cabinet', { from: new Date(Date.now() + 3_600_000) });
    assert.equal((await policies.publish(speaker(), 'cabinet', { version: 2 })).state, 'asked');
  });

  it('stand under what is set at run time, and beside the other policies: the strictest counts', async () => {
    verifies('R12.policy', 'R12.autonomy');
    const settings = new SettingStore(one.host.database, one.host);
    const agreed = await policies.withdraw(speaker(), 'cabinet');
    await policies.agree({ tenantId, actor: ben, person: 'ben' }, 'cabinet', agreed.ask as number);
    const beside = { name: 'beside', grants: [{ agents: ['cabinet.maker'], autonomy: 'propose' }] };
    await policies.draft(speaker(), 'beside', beside);
    await policies.publish(speaker(), 'beside');
    await settled();
    const strictest = await make('B1');
    const ask = { tenantId, agent: 'cabinet.maker', tool: 'cabinet.drawer.make', actor: anna };
    await setLevel(settings, ask, 'act');
    await settled();
    const set = await make('B2');
    await settings.reset(tenantId, 'autonomy', anna);

    assert.deepEqual([strictest.became, set.became], ['proposed', 'applied']);
    assert.deepEqual(await decidedBy(strictest.id), [
      ['autonomy.propose', { name: 'beside', version: 1 }],
    ]);
    assert.deepEqual(await decidedBy(set.id), [['autonomy.act', undefined]]);
    const listed = await policies.list(tenantId);
    assert.deepEqual(
      listed.map(({ policy: { name }, version, module, fault }) => [name, version, module, fault]),
      [
        ['beside', 1, null, null],
        ['cabinet', null, 'cabinet', null],
      ],
    );
  });

  it('let nobody do anything where this release cannot read them', async () => {
    verifies('R12.policy');
    await query(
      `INSERT INTO tutti.definition (tenant_id, kind, name, version, digest, body, published_by) VALUES ($1, 'policy', 'newer', 1, '\\x00', '{"name":"newer","wonders":[]}', 'x')`,
      tenantId,
    );
    await query(
      `INSERT INTO tutti.publication (tenant_id, kind, name, no, how, version, actor) VALUES ($1, 'policy', 'newer', 1, 'published', 1, '{}')`,
      tenantId,
    );
    await settled();
    assert.equal((await make('U1')).became, 'autonomy.observe');
  });
});

describe('a policy that people write', () => {
  let fresh: FreshDatabase;
  let host: Awaited<ReturnType<typeof openHost>>;
  let tenantId: number;
  let policies: Policies;
  const speaker = () => ({ tenantId, actor: anna });
  const allowed = {
    name: 'desk',
    grants: [{ autonomy: 'act' }],
    access: [{ agents: ['custom.*'], tools: ['desk.*'] }],
  };

  before(async () => {
    fresh = await freshDatabase();
    const databaseUrl = fresh.url;
    const options = { databaseUrl, dataFolder: '/nonexistent', env: {} };
    host = await openHost({ configUrl: String(configOf('duties')), ...options });
    tenantId = await host.store.tenant('desk');
    policies = policiesOf(host);
  });
  after(async function () {
    await host.close();
    await fresh.drop(this);
  });

  it('is refused with every fault of its form, and stored for nobody', async () => {
    verifies('R12.policy');
    const faults: readonly (readonly [object, RegExp])[] = [
      [{ name: 'desk', grants: [{ autonomy: 'all' }] }, /grants\.0\.autonomy/],
      [{ name: 'desk', gants: [] }, /gants/],
      [{ name: 'Desk' }, /name.*lower snake case/],
      [
        {
          name: 'desk',
          tiers: [{ name: 'a', by: ['x'], above: { amount: '1', currency: 'euro' } }],
        },
        /ISO 4217/,
      ],
      [
        {
          name: 'desk',
          tiers: [
            { name: 'a', by: ['x'] },
            { name: 'a', by: ['x'] },
          ],
        },
        /two of one name/,
      ],
      [{ name: 'other' }, /by its own name/],
    ];
    for (const [written, message] of faults)
      await assert.rejects(policies.draft(speaker(), 'desk', written), {
        code: 'POLICY_INVALID',
        message,
      });
    await assert.rejects(policies.publish(speaker(), 'nobody'), { code: 'POLICY_UNKNOWN' });
    assert.deepEqual((await policies.versions(tenantId, 'desk')).versions, []);
  });

  it('is refused where an agent could do by it what must be in different hands', async () => {
    verifies('R12.policy', 'R12.duties');
    const code = await policies.show(tenantId, 'desk');
    await policies.draft(speaker(), 'desk', allowed);
    const { ask, changes } = await policies.publish(speaker(), 'desk');
    await policies.agree({ tenantId, actor: ben, person: 'ben' }, 'desk', ask as number);
    const both = {
      name: 'both',
      purpose: 'Both.',
      instructions: 'Do.',
      tools: ['desk.payee.create', 'desk.payee.pay'],
    };
    await agentsOf(host).create(speaker(), both);
    const { fault } = await agentsOf(host).show(tenantId, 'custom.both');
    const versions = { 'custom.both': 1 };
    const kept = await agentsOfVersions(host.store.definitions, host.registry, {
      tenantId,
      versions,
    });

    // It is judged by what is in force, not by what the code says.
    assert.deepEqual([fault, kept.length], [null, 1]);

    const back = policies.withdraw(speaker(), 'desk');
    await assert.rejects(back, {
      code: 'POLICY_INVALID',
      message: /'custom\.both'.*'desk\.payee\.create'/,
    });
    const checked = await policies.check(tenantId, 'desk', {
      written: { ...allowed, duties: code[0]?.duties },
    });

    assert.ok(
      changes.some(({ aspect, direction }) => aspect === 'duties' && direction === 'wider'),
    );
    assert.match(checked.fault ?? '', /'custom\.both'/);
    assert.equal((await policies.versions(tenantId, 'desk')).version, 1);
  });

  it('says before it is in force what would be decided otherwise for what there is, and what fits nothing', async () => {
    verifies('R12.policy');
    const written = {
      ...allowed,
      grants: [
        { autonomy: 'act' },
        { agents: ['desk.payer'], autonomy: 'approve' },
        { agents: ['desk.nobody'], tools: ['desk.nothing'], autonomy: 'act' },
      ],
      tiers: [{ name: 'two', tools: ['desk.payee.pay'], by: ['cfo'], required: 2 }],
    };
    const { fault, warnings, calls, changes } = await policies.check(tenantId, 'desk', { written });

    assert.equal(fault, null);
    assert.deepEqual(warnings, [
      "'desk.nobody' fits no agent that there is now",
      "'desk.nothing' fits no loaded tool",
      "tier 'two' asks for 2 of cfo, who are fewer",
    ]);
    assert.ok(changes.every(({ direction }) => direction === 'stricter'));
    assert.deepEqual(
      calls.map(({ text }) => text),
      [
        'desk.payer may approve with desk.payee.pay; before: act',
        'custom.both, desk.payer with desk.payee.pay: 2 of cfo within 7 days; before: no tier asks anybody',
      ],
    );
    assert.equal((await policies.versions(tenantId, 'desk')).versions.length, 1);
  });

  it('of two that break a rule together, the later one is refused, however close they come', async () => {
    verifies('R12.policy');
    // Each alone leaves one of the two at a proposal.
    const held = (name: string, tool: string) => ({
      name,
      grants: [{ agents: ['custom.both'], tools: [tool], autonomy: 'propose' }],
    });
    await policies.draft(speaker(), 'no_pay', held('no_pay', 'desk.payee.pay'));
    await policies.publish(speaker(), 'no_pay');
    const rules = {
      name: 'rules',
      duties: [{ pair: ['create_vendor', 'release_payment'], reason: 'apart' }],
    };
    await policies.draft(speaker(), 'rules', rules);
    const { ask } = await policies.withdraw(speaker(), 'no_pay');

    const agree = policies.agree({ tenantId, actor: ben, person: 'ben' }, 'no_pay', ask as number);
    const outcomes = await Promise.allSettled([policies.publish(speaker(), 'rules'), agree]);

    const refused = outcomes.flatMap((each) =>
      each.status === 'rejected' ? [each.reason.code] : [],
    );
    assert.deepEqual(refused, ['POLICY_INVALID']);
  });
});
