import assert from 'node:assert/strict';

const longestPauseMs = 100;
const patienceMs = 60_000;

/**
 * Looks until there is something to see, at most a minute: after a millisecond, for much needs a few statements, and the later the less
 * often, so that who waits long does not keep the machine from what is waited for.
 */
export async function eventually<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const began = performance.now();
  for (;;) {
    const found = await look();
    if (found) return found;
    const waitedMs = performance.now() - began;
    assert.ok(waitedMs < patienceMs, `Within a minute it did not come that ${look}`);
    const pauseMs = Math.min(1 + waitedMs / 8, longestPauseMs);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
