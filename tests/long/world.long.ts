import assert from 'node:assert/strict';
import { tilts } from '../engine/world/invariants.ts';
import { holds } from '../engine/world/property.ts';

const lives = Number(process.env.FC_RUNS ?? 200_000);
const minutes = Number(process.env.FC_MINUTES ?? 20);

describe('engines that live by chance, many times', function () {
  const names = Object.keys(tilts);
  const longestMs = (minutes * 60_000) / names.length;
  this.timeout(2 * longestMs + 60_000);

  for (const name of names) {
    it(`${name} holds, as often as there is time for`, async () => {
      const tried = await holds(tilts[name] ?? {}, {
        lives: Math.ceil(lives / names.length),
        longestMs,
      });

      console.log(`      ${name}: ${tried} lives`);
      assert.ok(tried > 0);
    });
  }
});
