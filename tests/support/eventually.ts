import assert from 'node:assert/strict';

/** Looks every few milliseconds, at most a minute, until there is something to see. */
export async function eventually<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(performance.now() < deadline, `Within a minute it did not come that ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
