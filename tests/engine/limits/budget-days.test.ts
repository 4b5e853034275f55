import assert from 'node:assert/strict';
import { newId } from '../../../core/base/ids.ts';
import { Adoption } from '../../../core/engine/adoption/adoption.ts';
import { Broker } from '../../../core/engine/limits/broker.ts';
import { periodOf, purseName } from '../../../core/engine/limits/purse.ts';
import type { Store } from '../../../core/engine/store/store.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';

const dayMs = 86_400_000;

describe('the purses of an engine that runs for weeks', () => {
  it('are those of the last days', async () => {
    verifies('R7.budget');
    const clock = new FakeClock(Date.UTC(2026, 5, 1, 12));
    const broker = new Broker({ profiles: null, limits: {}, prices: {}, clock });
    const adoption = new Adoption({
      ...{ store: {} as Store, boot: newId(), registry: loadRegistry({ modules: [] }, []), broker },
      basis: () => '',
      limitOf: () => 100,
    });
    const names: string[] = [];
    for (let day = 0; day < 40; day += 1) {
      const name = purseName({ tenantId: 1, scope: 'tenant', period: periodOf(clock.now()) });
      broker.budget.open(name, 100);
      names.push(name);
      await adoption.keepBudgets([], clock.now());
      clock.pass(dayMs);
    }

    assert.deepEqual(
      names.filter((name) => broker.budget.stateOf(name)),
      names.slice(-8),
    );
  });
});
