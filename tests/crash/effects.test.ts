import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from '../../bin/node24.mjs';
import { keyOf, Yard } from '../engine/approvals/yard.ts';
import { compileCacheEnv } from '../support/compile-cache.ts';
import { verifies } from '../support/verifies.ts';

const program = fileURLToPath(new URL('../support/fixtures/crash-lab.ts', import.meta.url));
/** Between proposal and question; between question and the answer to the step. */
const asking = ['after-flush:2', 'after-flush:3', 'after-question:1'];
/** Between a grant and its run; while it begins; between the write and its record. */
const doing = ['after-apply:1', 'after-flush:2', 'before-flush:3', 'after-flush:3', 'after-tool:1'];

describe('an engine that dies around an approval', function () {
  this.timeout(900_000);
  let yard: Yard;

  before(async () => {
    yard = await Yard.open();
  });
  after(async function () {
    await yard.close(this);
  });

  /** Crash points at which an engine has died. */
  const deaths = new Set<string>();

  /** Lets an engine work that dies at a crash point; one that does not come to it is ended when `isDone`. */
  async function dieAt(point: string, isDone: () => Promise<boolean>): Promise<void> {
    const config = 'effects.config.ts';
    const child = spawn(process.execPath, [...nodeFlags, program, yard.fresh.url, '{}', config], {
      env: { ...process.env, ...compileCacheEnv, LAB_LEASE_MS: '60000', CRASH_AT: point },
      stdio: 'ignore',
    });
    const exit = once(child, 'exit');
    let isOver = false;
    void exit.then(() => {
      isOver = true;
    });
    while (!isOver && !(await isDone())) await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill('SIGTERM');
    const [, signal] = (await exit) as [number | null, string | null];
    if (signal === 'SIGKILL') deaths.add(point);
  }

  const stateOf = async (runId: string) =>
    (
      await yard.query<{ state: string }>('SELECT state FROM tutti.approval WHERE run_id = $1', [
        runId,
      ])
    ).map(({ state }) => state);

  for (const attended of [true, false]) {
    const who = attended ? 'a step that waits' : 'a proposal';

    it(`asks once, whenever it dies: ${who}`, async () => {
      verifies('R12.approvals');
      deaths.clear();
      for (const point of asking) {
        const parcel = await yard.parcel(`A${attended}${point}`);
        const runId = await yard.submit({ parcel, attended });
        await dieAt(point, async () => (await stateOf(runId)).length > 0);

        await yard.reopen();
        await yard.question(runId);
        if (attended) await yard.waiting(runId);
        else await yard.became(runId);

        assert.deepEqual(await stateOf(runId), ['open'], point);
        assert.equal(await yard.slips(parcel), 0);
        await yard.rest();
      }
      for (const point of asking) assert.ok(deaths.has(point), point);
    });

    it(`writes once, whenever it dies: ${who}`, async () => {
      deaths.clear();
      for (const point of doing) {
        await yard.reopen();
        const parcel = await yard.parcel(`B${attended}${point}`);
        const view = await yard.asked({ parcel, attended });
        if (attended) await yard.waiting(String(view.runId));
        else await yard.became(String(view.runId));
        await yard.rest();
        await yard.say(view.id, 'anna');
        await dieAt(point, async () => (await yard.effect(keyOf(view))) === 'applied');

        await yard.reopen();
        if (attended) assert.match(await yard.became(String(view.runId)), /^(applied|replayed)$/);
        else assert.equal(await yard.became(await yard.applied(view.id)), '');

        assert.equal(await yard.slips(parcel), 1, point);
        assert.equal(await yard.effect(keyOf(view)), 'applied', point);
        assert.deepEqual(await yard.questions(keyOf(view)), ['consumed'], point);
        await yard.rest();
      }
      const met = attended ? doing.slice(1) : doing;
      for (const point of met) assert.ok(deaths.has(point), point);
    });
  }
});
