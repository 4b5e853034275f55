import assert from 'node:assert/strict';
import { EngineError } from '../../core/base/errors.ts';
import { Places } from '../../core/service/places.ts';

/** How many places a caller gets, and what gives them back. */
function fill(places: Places, tenantId: number, caller: string): readonly (() => void)[] {
  const leave: (() => void)[] = [];
  for (;;)
    try {
      leave.push(places.take({ tenantId, caller }, 'Too many.'));
    } catch (error) {
      assert.ok(error instanceof EngineError && error.code === 'RATE_LIMITED');
      return leave;
    }
}

describe('places that many share', () => {
  it('are never all held by one tenant, nor those of a tenant by two of its callers', () => {
    const places = new Places(200);
    const held = [
      ...['a', 'b', 'c', 'd'].map((caller) => fill(places, 1, caller).length),
      ...[2, 3, 4].map((tenant) => fill(places, tenant, 'a').length),
    ];

    assert.deepEqual(held, [50, 25, 13, 6, 27, 20, 15]);
  });

  it('are left to the others by a tenant of any number of callers', () => {
    const places = new Places(200);
    const callers = Array.from({ length: 300 }, (_, caller) => `${caller}`);
    const held = callers.reduce((sum, caller) => sum + fill(places, 1, caller).length, 0);

    assert.equal(held, 100);
    assert.equal(fill(places, 2, 'a').length, 25);
  });

  it('are free for others once they are given back', () => {
    const places = new Places(200);
    for (const leave of fill(places, 1, 'a')) leave();

    assert.equal(fill(places, 2, 'a').length, 50);
  });
});
