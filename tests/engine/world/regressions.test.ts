import { readFileSync } from 'node:fs';
import type { Life, Tilt } from './life.ts';
import { World } from './world.ts';

/** Lives that broke an invariant once, as small as they could be made; one a line. */
interface Regression {
  readonly what: string;
  readonly tilt: Tilt;
  readonly life: Life;
}

const file = new URL('./fixtures/regressions.jsonl', import.meta.url);
const regressions = readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Regression);

describe('lives that broke an invariant once', () => {
  for (const { what, tilt, life } of regressions) {
    it(`keep it now: ${what}`, async () => {
      await World.live(life, tilt);
    });
  }
});
