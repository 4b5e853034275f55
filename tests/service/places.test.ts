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
  it('are never all held by one caller or one tenant', () => {
    const places = new Places(200);
    const held = [
      ...['a', 'b', 'c'].map((caller) => fill(places, 1, caller).length),
      ...[2, 3, 4].map((tenant) => fill(places, tenant, 'a').length),
    ];

    assert.deepEqual(held, [67, 33, 0, 34, 22, 15]);
  });

  it('are free for others once they are given back', () => {
    const places = new Places(200);
    for (const leave of fill(places, 1, 'a')) leave();

    assert.equal(fill(places, 2, 'a').length, 67);
  });
});
