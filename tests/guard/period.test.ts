import assert from 'node:assert/strict';
import type pg from 'pg';
import {
  defineEntity,
  definePolicy,
  defineTool,
  field,
  type Posting,
  type Row,
  shared,
  z,
} from 'tutti';
import { invoke, type StepScope } from '../../core/guard/invoke.ts';
import type { Connector } from '../../core/ports/erp/connector.ts';
import { embeddedConnector, insertRows, prepareEmbedded } from '../../core/ports/erp/embedded.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { verifies } from '../support/verifies.ts';
import { aScope, Record } from './lab.ts';

const voucher = defineEntity('voucher', { company: field.code(), date: field.date() });
declare module 'tutti' {
  interface Entities {
    voucher: typeof voucher;
  }
}
const entities = [...shared.sharedEntities, voucher];

type Period = Omit<Row<'fiscal_period'>, 'id' | 'version'>;

/** June is open, May is being closed, April is locked; payables are a step ahead, and DE02 keeps no periods. */
const periods: readonly Partial<Period>[] = [
  { code: '2026-04', from: '2026-04-01', to: '2026-04-30', state: 'locked' },
  { code: '2026-05', from: '2026-05-01', to: '2026-05-31', state: 'soft_closed' },
  { code: '2026-05', from: '2026-05-01', to: '2026-05-31', state: 'locked', ledger: 'payables' },
  { code: '2026-06', from: '2026-06-01', to: '2026-06-30', state: 'open' },
  { code: '2025-12', from: '2025-12-01', to: '2025-12-31', state: 'locked' },
  { code: '2025-13', from: '2025-12-31', to: '2025-12-31', state: 'open', adjustment: true },
  { code: '2026-04', from: '2026-04-01', to: '2026-04-30', state: 'open', company: 'US01' },
];

const parameters = z.object({
  company: z.string().optional(),
  date: z.iso.date().nullable(),
  ledger: z.enum(['payables', 'bank']).optional(),
  adjustment: z.boolean().optional(),
});

const declaration = {
  name: 'lab.voucher.post',
  description: 'Posts a voucher.',
  parameters,
  result: z.object({ id: z.string() }),
  effect: 'write',
  key: ({ company, date }: z.output<typeof parameters>) => [company ?? '', date ?? ''],
  undo: { none: 'it is reversed by another' },
} as const;
const handle = async (
  { company, date }: z.output<typeof parameters>,
  { erp }: Parameters<Parameters<ReturnType<typeof defineTool>['handler']>[0]>[1],
) => {
  const { id } = await erp.voucher.create({
    company: company ?? 'DE01',
    date: date ?? '2026-06-30',
  });
  return { id };
};
const post = defineTool({
  ...declaration,
  posts: ({ date, ...rest }: z.output<typeof parameters>) =>
    date === null ? null : ({ date, ...rest } as Posting),
}).handler(handle);
const postAnywhere = defineTool({ ...declaration, name: 'lab.voucher.note' }).handler(handle);

describe('the period lock', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let tenantId = 0;
  let connector: Connector;
  let commands: string[];
  let queries: string[];

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_tenant', 2);
    await fresh.database.admin((client) => prepareEmbedded(client, entities));
  });

  beforeEach(async () => {
    tenantId += 1;
    commands = [];
    queries = [];
    const client = await pool.connect();
    await client.query(`BEGIN; SET LOCAL app.tenant = '${tenantId}'`);
    const rows = periods.map((period, index) => ({
      ...{ id: String(index + 1), version: '1', company: 'DE01', ledger: 'general' },
      ...{ adjustment: false, ...period },
    }));
    await insertRows(client, { tenantId, entities, rows: new Map([['fiscal_period', rows]]) });
    await client.query('COMMIT');
    client.release();
    connector = listened(embeddedConnector({ pool, tenantId, entities }));
  });

  after(function () {
    return fresh.drop(this);
  });

  /** The real connector, which notes what reaches it. */
  const listened = (real: Connector): Connector => ({
    ...real,
    query: (query, options) => {
      queries.push(query.entity);
      return real.query(query, options);
    },
    apply: (command, options) => {
      commands.push(`${command.op} ${command.entity}`);
      return real.apply(command, options);
    },
  });

  const scopeFor = (tool: AnyTool, options: Partial<StepScope> = {}) => {
    const { scope, record } = aScope([tool], { act: true, connector });
    const known = new Map(entities.map((entity) => [entity.name, entity]));
    return { scope: { ...scope, tenantId, entities: known, ...options }, record };
  };

  const call = async (args: z.input<typeof parameters>, options: Partial<StepScope> = {}) => {
    const { scope, record } = scopeFor(post, options);
    const outcome = await invoke(post, args, scope);
    const called = record.entries.find(({ kind }) => kind === 'tool.called')?.data;
    return { outcome, rule: called?.rule, became: called?.outcome, records: called?.records };
  };

  const vouchers = async () =>
    (await connector.query({ entity: 'voucher', limit: 10 })).rows.map((row) => row.date);

  /** Arguments, what becomes of the call, the rule that says so. */
  const table: readonly (readonly [string, z.input<typeof parameters>, string, string])[] = [
    ['an open period', { date: '2026-06-30' }, 'applied', 'autonomy.act'],
    ['a locked period', { date: '2026-04-30' }, 'refused', 'period.locked'],
    ['the first day of a locked period', { date: '2026-04-01' }, 'refused', 'period.locked'],
    ['a period that is being closed', { date: '2026-05-31' }, 'proposed', 'period.soft_closed'],
    [
      'a subledger that is closed already',
      { date: '2026-05-31', ledger: 'payables' },
      'refused',
      'period.locked',
    ],
    [
      'a subledger without periods',
      { date: '2026-06-30', ledger: 'bank' },
      'applied',
      'autonomy.act',
    ],
    [
      'a subledger without periods, general locked',
      { date: '2026-04-30', ledger: 'bank' },
      'refused',
      'period.locked',
    ],
    ['a day that no period holds', { date: '2026-07-01' }, 'refused', 'period.missing'],
    ['the last day of a locked year', { date: '2025-12-31' }, 'refused', 'period.locked'],
    ['its adjustment period', { date: '2025-12-31', adjustment: true }, 'applied', 'autonomy.act'],
    [
      'another company’s open period',
      { date: '2026-04-30', company: 'US01' },
      'applied',
      'autonomy.act',
    ],
    [
      'a company that keeps no periods',
      { date: '2026-04-30', company: 'DE02' },
      'applied',
      'autonomy.act',
    ],
    ['nowhere', { date: null }, 'applied', 'autonomy.act'],
  ];
  for (const [what, args, became, rule] of table) {
    it(`${became}: a write into ${what}`, async () => {
      verifies('R12.period-lock');

      const said = await call(args);

      assert.deepEqual([said.became, said.rule, said.records], [became, rule, 0]);
      assert.deepEqual(commands, became === 'applied' ? ['create voucher'] : []);
      assert.equal((await vouchers()).length, commands.length);
    });
  }

  it('names company, date, period and ledger', async () => {
    const { outcome } = await call({ date: '2026-05-31', ledger: 'payables' });

    assert.ok(outcome.kind === 'effected' && outcome.value.kind === 'refused');
    assert.equal(
      outcome.value.reason,
      "The payables ledger's period 2026-05 of DE01 for 2026-05-31 is locked; post to an open period.",
    );
  });

  it('holds when it comes between a proposal and its dispatch', async () => {
    verifies('R12.period-lock');
    const proposed = await call({ date: '2026-06-30' }, { policies: [] });
    assert.equal(proposed.became, 'proposed');
    const lock = { entity: 'fiscal_period', op: 'update', id: '4' } as const;
    await connector.apply({ ...lock, data: { state: 'locked' } }, { key: 'a'.repeat(64) });
    commands.length = 0;

    const dispatched = await call({ date: '2026-06-30' });

    assert.deepEqual([dispatched.became, dispatched.rule], ['refused', 'period.locked']);
    assert.deepEqual(commands, []);
    assert.deepEqual(await vouchers(), []);
  });

  it('holds when it comes between two calls of one step', async () => {
    const { scope } = scopeFor(post);
    const first = await invoke(post, { date: '2026-06-29' }, scope);
    const lock = { entity: 'fiscal_period', op: 'update', id: '4' } as const;
    await connector.apply({ ...lock, data: { state: 'locked' } }, { key: 'b'.repeat(64) });

    const second = await invoke(post, { date: '2026-06-30' }, scope);

    assert.ok(first.kind === 'effected' && first.value.kind === 'applied');
    assert.ok(second.kind === 'effected' && second.value.kind === 'refused');
    assert.deepEqual(await vouchers(), ['2026-06-29']);
  });

  it('asks a person who waits for what is being closed', async () => {
    const policies = [definePolicy({ name: 'act', grants: [{ autonomy: 'act' }] })];
    const asked = call({ date: '2026-05-31' }, { attended: true, policies });

    await assert.rejects(asked, { code: 'APPROVAL_PENDING' });
    assert.deepEqual(commands, []);
  });

  it('refuses in a rehearsal what it would refuse', async () => {
    const { became, rule } = await call({ date: '2026-04-30' }, { rehearsal: true });

    assert.deepEqual([became, rule], ['refused', 'period.locked']);
  });

  it('writes nothing for nobody’s company, nor when the ERP does not answer', async () => {
    const nobody = await call({ date: '2026-06-30' }, { company: null });
    assert.ok(nobody.outcome.kind === 'error' && nobody.outcome.error.code === 'TOOL_REFUSED');
    const cut = { ...connector, query: () => Promise.reject(new Error('the line is cut')) };
    const failed = await call({ date: '2026-06-30' }, { connector: cut });

    assert.ok(failed.outcome.kind === 'error' && failed.outcome.error.code === 'TOOL_FAILED');
    assert.deepEqual(commands, []);
  });

  it('asks the ERP nothing about tools that do not post', async () => {
    const record = new Record();
    const { scope } = scopeFor(postAnywhere, { recorder: record });

    await invoke(postAnywhere, { date: '2026-04-30' }, scope);

    assert.deepEqual(queries, []);
    assert.deepEqual(commands, ['create voucher']);
  });

  it('lets no write past for want of a right to ask: what is asked may only read', async () => {
    const sly = defineTool({
      ...declaration,
      name: 'lab.voucher.sly',
      posts: async (_, { erp }) => {
        await erp.voucher.create({ company: 'DE01', date: '2026-06-30' });
        return null;
      },
    }).handler(handle);

    const outcome = await invoke(sly, { date: '2026-06-30' }, scopeFor(sly).scope);

    assert.ok(outcome.kind === 'error', JSON.stringify(outcome));
    assert.deepEqual(commands, []);
  });
});
