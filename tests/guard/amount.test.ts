import assert from 'node:assert/strict';
import { defineTool, Money, type Policy, shared } from 'tutti';
import { fixtureConnector } from 'tutti/testing';
import { amountOf } from '../../core/guard/amount.ts';
import { invoke, type StepScope } from '../../core/guard/invoke.ts';
import type { Connector } from '../../core/ports/erp/connector.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { verifies } from '../support/verifies.ts';
import { aConnector, aScope, hold, holdDeclaration } from './lab.ts';

const args = { crate: 'c0', reason: 'wet' };

/** The write of the lab, which moves what this says. */
function moving(amount: unknown): AnyTool {
  return defineTool({ ...holdDeclaration, amount: () => amount as Money }).handler(async () => ({
    version: '2',
  }));
}

function tiers(...above: readonly string[]): Policy {
  return {
    kind: 'policy',
    name: 'test',
    grants: [{ autonomy: 'act' }],
    tiers: above.map((text) => ({
      ...{ name: `from_${text.toLowerCase().replace(/\W/g, '_')}`, by: ['controller'] },
      above: moneyOf(text),
    })),
  };
}

function moneyOf(text: string): Money {
  const [amount = '', currency = ''] = text.split(' ');
  return Money.of(amount, currency);
}

/** An ERP with rates: currency, days before the business date, rate. */
function withRates(...rates: readonly (readonly [string, string, string])[]): Connector {
  const rows = rates.map(([currency, date, rate], index) => ({
    ...{ id: `r${index}`, version: '1', currency, date, rate },
  }));
  return fixtureConnector([shared.exchangeRate], new Map([['exchange_rate', rows]]));
}

/** A step on 2026-06-30. */
function aStep(tool: AnyTool, policy: Policy, connector = aConnector()): StepScope {
  const { scope } = aScope([tool], { connector });
  const entities = new Map([...scope.entities, ['exchange_rate', shared.exchangeRate] as const]);
  return { ...scope, entities, policies: [policy] };
}

const factOf = (tool: AnyTool, policy: Policy, connector?: Connector) =>
  amountOf({ tool, scope: aStep(tool, policy, connector), policies: [policy], records: 0 }, args);

describe('the amount of a call', () => {
  it('is asked only where a tier for the call names an amount', async () => {
    let asked = 0;
    const tool = defineTool({
      ...holdDeclaration,
      amount: () => {
        asked += 1;
        return null;
      },
    }).handler(async () => ({ version: '2' }));
    const anyAmount = { ...tiers(), tiers: [{ name: 'any', by: ['controller'] }] };
    const elsewhere = { ...tiers(), tiers: [{ ...tiers('1 EUR').tiers?.[0], tools: ['hr.*'] }] };

    for (const policy of [tiers(), anyAmount, elsewhere as Policy])
      assert.equal(await factOf(tool, policy), null);
    assert.equal(asked, 0);
    assert.equal(await factOf(tool, tiers('1 EUR')), null);
    assert.equal(asked, 1);
    assert.equal(await factOf(hold, tiers('1 EUR')), null);
  });

  it('is asked whoever the tier is about: who carries out what was proposed is not who proposed it', async () => {
    const policy = tiers('1 EUR');
    const named = {
      ...policy,
      tiers: policy.tiers?.map((tier) => ({ ...tier, agents: ['hr.*'] })),
    };

    const fact = await factOf(moving(Money.of('5', 'EUR')), named as Policy);

    assert.deepEqual(fact?.money, Money.of('5', 'EUR'));
  });

  it('has no sign, and asks for no rate within one currency', async () => {
    const fact = await factOf(moving(Money.of('-12.50', 'EUR')), tiers('1 EUR', '2 EUR'));

    assert.deepEqual(fact, { money: Money.of('12.5', 'EUR'), rates: {} });
  });

  it('comes with the latest rates of the last seven days up to the business date', async () => {
    const connector = withRates(
      ...([
        ['EUR', '2026-06-30', '1'],
        ['USD', '2026-06-29', '0.92'],
        ['USD', '2026-06-24', '0.90'],
        ['USD', '2026-07-01', '0.95'],
        ['GBP', '2026-06-23', '1.17'],
        ['PLN', '2026-06-30', '0'],
      ] as const),
    );
    const policy = tiers('1 EUR', '1 GBP', '1 PLN', '1 AED');

    const fact = await factOf(moving(Money.of('5', 'USD')), policy, connector);

    assert.deepEqual(fact?.rates, { USD: '0.92', EUR: '1', GBP: null, PLN: null, AED: null });
  });

  it('is above every tier of another currency in an ERP that keeps no rates, and the journal says why', async () => {
    verifies('R12.approvals');
    const tool = moving(Money.of('0.01', 'USD'));
    const { record } = aScope([tool]);
    const erp = aConnector();
    const described = { ...(await erp.describe()), entities: {} };
    const scope = aStep(tool, tiers('1000000 EUR'), { ...erp, describe: async () => described });

    await invoke(tool, args, { ...scope, recorder: record });

    const { rule, unrated } = record.entries.at(-1)?.data ?? {};
    assert.deepEqual([rule, unrated], ['tier.from_1000000_eur', ['EUR', 'USD']]);
  });

  it('decides who is asked', async () => {
    const connector = withRates(['EUR', '2026-06-30', '1'], ['USD', '2026-06-30', '0.8']);
    const ruleFor = async (amount: string) => {
      const tool = moving(moneyOf(amount));
      const record = aScope([tool]).record;
      const scope = { ...aStep(tool, tiers('800 EUR', '80000 EUR'), connector), recorder: record };
      await invoke(tool, args, scope);
      return record.entries.at(-1)?.data.rule;
    };

    assert.equal(await ruleFor('999.99 USD'), 'autonomy.act');
    assert.equal(await ruleFor('1000 USD'), 'tier.from_800_eur');
    assert.equal(await ruleFor('100000 USD'), 'tier.from_80000_eur');
  });

  it('that is none, or cannot be told, lets nothing happen', async () => {
    for (const [tool, code] of [
      [moving({ amount: 12.5, currency: 'EUR' }), 'TOOL_RESULT_INVALID'],
      [moving(undefined), 'TOOL_RESULT_INVALID'],
      [moving({ amount: '1', currency: 'euro' }), 'TOOL_RESULT_INVALID'],
      [moving(Promise.reject(new TypeError('no'))), 'TOOL_FAILED'],
    ] as const) {
      const { scope, record } = aScope([tool]);

      const outcome = await invoke(tool, args, { ...scope, policies: [tiers('1 EUR')] });

      assert.ok(outcome.kind === 'error', outcome.kind);
      assert.equal(outcome.error.code, code);
      assert.equal(record.effects.size, 0);
    }
  });
});
