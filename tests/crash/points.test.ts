import assert from 'node:assert/strict';
import { agentsOf, assertWhole, type WorkRun } from '../support/crash-bars.ts';
import { CrashLab } from '../support/crash-lab.ts';
import { verifies } from '../support/verifies.ts';

const points = ['after-claim', 'before-flush', 'after-flush', 'after-tool'] as const;
// An engine that takes over waits for most of its time, for what may still be on its way: three times as many as cores.
const lanes = 6;

/** Which pass of which point comes next, until a run has ended before it came to that pass. */
class Deaths {
  readonly #next = new Map<string, number>(points.map((point) => [point, 1]));
  /** The first pass of each point that no run came to. */
  readonly survived = new Map<string, number>();

  take(): { readonly point: string; readonly pass: number } | null {
    for (const [point, pass] of this.#next) {
      if (this.survived.has(point)) continue;
      this.#next.set(point, pass + 1);
      return { point, pass };
    }
    return null;
  }

  outlive(point: string, pass: number): void {
    this.survived.set(point, Math.min(pass, this.survived.get(point) ?? pass));
  }
}

describe('an engine that dies at a crash point', function () {
  this.timeout(1_800_000);
  const labs: CrashLab[] = [];

  before(async () => {
    for (let lane = 0; lane < lanes; lane += 1) labs.push(await CrashLab.open());
    for (const lab of labs) lab.review();
  });
  after(async function () {
    for (const lab of labs) await lab.close(this);
  });

  /** One engine after the other: each finishes what the one before has left, begins a run of 20 agents, and dies in it. */
  async function dieAndGoOn(lab: CrashLab, deaths: Deaths): Promise<readonly WorkRun[]> {
    const runs: WorkRun[] = [];
    for (let next = deaths.take(); next; next = deaths.take()) {
      const at = `${next.point}:${next.pass}`;
      const items = [1, 2, 3, 4].map((number) => `${at}-${number}`);
      const until = runs.at(-1)?.id;
      const engine = lab.engine({ submit: 'crash.work', items, at, ...(until && { until }) });
      const { code, signal, stderr } = await engine.ended;
      assert.ok(signal === 'SIGKILL' || code === 0, `${at}: ${code} ${signal} ${stderr}`);
      runs.push({ id: await lab.newestRun(), items });
      if (code === 0) deaths.outlive(next.point, next.pass);
    }
    await lab.engine({ until: runs.at(-1)?.id ?? '' }).ended;
    return runs;
  }

  it('leaves a run of 20 agents that the next one finishes: every step, effect and model call once', async () => {
    verifies('R8.crash', 'R9.restart', 'R9.one-writer', 'R2.queue');
    assert.equal(agentsOf(4), 20);
    const deaths = new Deaths();

    const done = await Promise.all(
      labs.map(async (lab) => ({ lab, runs: await dieAndGoOn(lab, deaths) })),
    );

    for (const { lab, runs } of done) {
      await assertWhole(lab, runs);
      const [row] = await lab.query(
        'SELECT count(*)::int AS open FROM tutti.run WHERE ended_at IS NULL',
      );
      assert.equal(row?.open, 0);
    }
    // A run of 20 agents has one claim, a send or write for most agents, and more flushes than agents on its longest way.
    for (const [point, least] of [
      ['after-claim', 1],
      ['after-tool', 17],
      ['before-flush', 20],
      ['after-flush', 20],
    ] as const) {
      const survived = deaths.survived.get(point) ?? 0;
      assert.ok(survived > least, `${point}: ${survived - 1} deaths`);
    }
  });
});
