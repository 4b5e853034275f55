import * as assert from 'node:assert/strict';
import { memoryConnector } from '../../../core/ports/erp/memory.ts';
import { describeConnector } from './connector-conformance.ts';
import { conformanceRows, gadget, order } from './gadgets.ts';

describeConnector('memory', async () => memoryConnector([gadget, order], conformanceRows()));

describe('memoryConnector', () => {
  it('leaves the rows that it was given as they are', async () => {
    const row = { id: '1', version: '1', user: 'u1' };
    const connector = memoryConnector([order], new Map([['order', [row]]]));

    await connector.apply(
      { entity: 'order', op: 'update', id: '1', data: { user: 'u2' } },
      { key: 'k' },
    );

    assert.equal(row.user, 'u1');
  });

  it('refuses a fixture that its entity does not declare', () => {
    for (const row of [{ id: '1' }, { user: 'u' }, { id: '1', user: 'u', usr: 'u' }]) {
      assert.throws(() => memoryConnector([order], new Map([['order', [row]]])), {
        code: 'INPUT_INVALID',
      });
    }
  });
});
