import assert from 'node:assert/strict';
import { Money, type Row } from 'tutti';
import { fixtureConnector, runTool } from 'tutti/testing';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { erpFor } from '../../core/ports/erp/records.ts';
import type { GeneratedSample } from '../../core/ports/erp/sample.ts';
import type { AnyEntity } from '../../core/sdk/entity.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { hr } from '../../modules/hr/index.ts';
import { inventory } from '../../modules/inventory/index.ts';
import { verifies } from '../support/verifies.ts';
import * as finance from './finance/night.ts';
import * as staffing from './hr/night.ts';
import * as warehouses from './inventory/night.ts';
import type { Done, Staged } from './night.ts';

type Fields = Readonly<Record<string, unknown>>;
type Look = (entity: string, id: unknown) => Promise<Fields>;

/** What a call has written, in money, from the records that it has left behind. */
const written: Readonly<
  Record<string, (args: Fields, result: Fields, look: Look) => Promise<unknown>>
> = {
  'finance.hold.place': async ({ bill }, _, look) => (await look('bill', bill)).total,
  'finance.bank_fee.park': async (_, { entry }, look) => (await look('parked_entry', entry)).total,
  'finance.correction.park': async (_, { entry }, look) =>
    (await look('parked_entry', entry)).total,
  'hr.payslip.hold': async (_, { id }, look) => (await look('payslip', id)).gross,
  'hr.accrual.propose': async (_, { id }, look) => (await look('payroll_accrual', id)).total,
  'inventory.claim.draft': async (_, { claim }, look) => (await look('claim', claim)).amount,
  'inventory.request.draft': async (_, { request }, look) => {
    const { product, quantity } = await look('purchase_request', request);
    const { cost } = (await look('product', product)) as unknown as Row<'product'>;
    return Money.times(cost, String(quantity));
  },
};

describe('the amounts of the modules’ tools', () => {
  it('are told by each tool that holds, drafts or buys for money', () => {
    const tools = [hr, inventory, finance.staged.module].flatMap((module) => module.tools);

    const telling = tools.filter(({ amount }) => amount).map(({ name }): string => name);

    assert.deepEqual(telling.toSorted(), Object.keys(written).toSorted());
  });

  for (const { staged, entities } of [
    { staged: staffing.staged, entities: hr.records },
    { staged: warehouses.staged, entities: inventory.records },
    finance,
  ]) {
    it(`are those that the calls of a night of ${staged.module.name} write`, async () => {
      verifies('R12.approvals');
      const made = staged.company({ seed: 1 });
      const calls = callsOf(staged, await staged.night(made));
      assert.ok(calls.length > 0);

      for (const { tool, args } of calls) {
        const { told, result, look } = await carryOut(tool, args, { staged, entities, made });
        const expected = (await written[tool.name]?.(args, result, look)) as Money;

        assert.ok(Money.equals(Money.abs(told), Money.abs(expected)), tool.name);
        assert.ok(!Money.isZero(told), tool.name);
      }
    });
  }
});

/** Some calls of each tool that tells an amount. */
function callsOf(
  { module }: Staged,
  night: readonly Done[],
): readonly { readonly tool: AnyTool; readonly args: Fields }[] {
  const effects = night.flatMap((done) => done.effects);
  return module.tools
    .filter(({ amount }) => amount)
    .flatMap((tool) =>
      effects
        .filter((effect) => effect.tool === tool.name)
        .slice(0, 5)
        .map(({ args }) => ({ tool, args: args as Fields })),
    );
}

/** Asks for the amount of a call, makes the call, and looks at records after it. */
async function carryOut(
  tool: AnyTool,
  args: Fields,
  {
    staged: { module },
    entities,
    made,
  }: {
    readonly staged: Staged;
    readonly entities: readonly AnyEntity[];
    readonly made: GeneratedSample;
  },
) {
  const connector = fixtureConnector(entities, made.rows);
  const { signal } = new AbortController();
  const known = new Map([...sharedEntities, ...entities].map((entity) => [entity.name, entity]));
  const erp = erpFor(connector, { entities: known, key: () => '', onRead: () => {}, signal });
  const told = (await tool.amount?.(args, { erp, today: made.asOf })) as Money;
  const scope = { module: module.name, connector, entities, today: made.asOf };
  const invoked = await runTool(tool, args, scope);
  assert.ok(invoked.kind === 'effected' && invoked.value.kind === 'applied', tool.name);
  const look: Look = async (entity, id) => {
    const { rows } = await connector.query({ entity, filter: { id: { eq: id } }, limit: 1 });
    return rows[0] as Fields;
  };
  return { told, result: invoked.value.result as Fields, look };
}
