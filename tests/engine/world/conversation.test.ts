import assert from 'node:assert/strict';
import { task, workflow } from '../../support/fixtures/graphs.ts';
import type { Life, RunSetup, Setup } from './life.ts';
import { World } from './world.ts';

const never = 1_000_000_000;

/** One slot, a conversation whose model allows one call a minute, and an agent that needs another model. */
const setup: Setup = {
  runs: [runOf('talk', 'beta.work'), runOf('work', 'alpha.work')],
  limits: { running: 1, perRun: 1, perModule: 1 },
  modelLimits: { 'sim-fast': { requestsPerMinute: 1 }, 'sim-standard': {} },
  choose: null,
  breaker: null,
  dailyBudgetMicroUsd: undefined,
  startsAt: Date.UTC(2026, 5, 30, 12),
  habits: { write: never, fail: never, stuck: never, refuse: never, ill: never },
};

function runOf(id: string, agent: string): RunSetup {
  return { attended: false, data: workflow([task(id, { agent })], { name: id }) };
}

/** What happened while the conversation waited for its second call; null: it needed none. */
async function whileItWaits(life: Life): Promise<readonly string[] | null> {
  const nothing = { crash: 0, fence: 0, retire: 0, drain: 0, outage: 0, lose: 0, pass: 0 };
  const weights = { ...nothing, cancel: 0, cancelStep: 0, pause: 0 };
  const { trace } = await World.live(life, { weights });
  const asked = trace.findIndex((line) => line.startsWith('asks talk'));
  const granted = trace.findIndex((line, at) => at > asked && /0:\d+ turn\.started/.test(line));
  return asked < 0 ? null : trace.slice(asked, granted);
}

describe('a conversation that waits for its next call', () => {
  it('leaves the only slot to an agent that needs nothing of what it waits for', async () => {
    const waits: (readonly string[])[] = [];
    // One after the other: each replaces what gives it its chances.
    for (let seed = 0; seed < 20; seed += 1) {
      const meanwhile = await whileItWaits({ setup, chances: [seed] });
      if (meanwhile) waits.push(meanwhile);
    }

    assert.ok(waits.length > 0);
    for (const meanwhile of waits)
      assert.ok(meanwhile.some((line) => line.startsWith('start 1 work')));
  });
});
