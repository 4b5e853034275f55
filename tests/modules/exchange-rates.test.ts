import assert from 'node:assert/strict';
import { fixtureConnector, runTool } from 'tutti/testing';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { listExchangeRates as compliance } from '../../modules/compliance/tools/list-exchange-rates.ts';
import { listExchangeRates as finance } from '../../modules/finance/tools/list-exchange-rates.ts';
import { listExchangeRates as hr } from '../../modules/hr/tools/list-exchange-rates.ts';
import { listExchangeRates as inventory } from '../../modules/inventory/tools/list-exchange-rates.ts';

const rates = [
  ['USD', '2026-06-29', '0.92'],
  // Entered for the day to come, or by mistake: worth nothing, it would make every amount nothing.
  ['USD', '2026-06-30', '0'],
  ['PLN', '2026-06-30', '-0.23'],
].map(([currency, date, rate], index) => ({ id: `${index}`, currency, date, rate }));

describe('the exchange rates that modules convert by', () => {
  for (const tool of [compliance, finance, hr, inventory] as readonly AnyTool[]) {
    it(`are the latest above zero (${tool.name})`, async () => {
      const connector = fixtureConnector([], new Map([['exchange_rate', rates]]));
      const module = tool.name.split('.', 1).join();
      const scope = { module, connector, entities: sharedEntities, today: '2026-06-30' };
      const args = tool === inventory ? {} : { currencies: ['USD', 'PLN'] };

      const outcome = await runTool(tool, args, scope);

      const { USD, PLN } = (outcome as { value: Readonly<Record<string, string>> }).value;
      assert.deepEqual([USD, PLN], ['0.92', undefined]);
    });
  }
});
