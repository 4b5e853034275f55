import assert from 'node:assert/strict';
import { assertWhole, type WorkRun } from './crash-bars.ts';
import { chances } from './crash-kills.ts';
import type { CrashLab } from './crash-lab.ts';

/** Where an engine dies: a crash point, and at which of its passes, from 1. */
export interface Death {
  readonly point: string;
  readonly pass: number;
}

/** Which death comes next, decided by what came of those before. */
export interface Deaths {
  next(): Death | undefined;
  /** A run came to its end before it came to that pass. */
  outlived(death: Death): void;
}

const points = ['after-claim', 'before-flush', 'after-flush', 'after-tool'] as const;

/** How often a run of 20 agents comes to each point, at least: it has one claim, a send or write for most agents, and a flush for each. */
const least: ReadonlyMap<string, number> = new Map([
  ['after-claim', 1],
  ['after-tool', 17],
  ['before-flush', 20],
  ['after-flush', 20],
]);

/** Each pass of each point. */
export class EveryPass implements Deaths {
  readonly #next = new Map<string, number>(points.map((point) => [point, 1]));
  /** The first pass of each point that no run came to. */
  readonly #ends = new Map<string, number>();

  next(): Death | undefined {
    for (const [point, pass] of this.#next) {
      if (this.#ends.has(point)) continue;
      this.#next.set(point, pass + 1);
      return { point, pass };
    }
    return undefined;
  }

  outlived({ point, pass }: Death): void {
    this.#ends.set(point, Math.min(pass, this.#ends.get(point) ?? pass));
  }

  /** @throws where a run came to a point less often than a run of 20 agents must */
  assertAll(): void {
    for (const [point, passes] of least) {
      const end = this.#ends.get(point) ?? 0;
      assert.ok(end > passes, `${point}: ${end - 1} deaths`);
    }
  }
}

/** The first pass of each point, one in the middle by chance, and the last. */
export class SomePasses implements Deaths {
  readonly #left: Death[];

  /** `passes`: how often a run that nobody disturbed came to each point. */
  constructor(passes: ReadonlyMap<string, number>, seed: number) {
    const chance = chances(seed);
    this.#left = points.flatMap((point) => {
      const last = passes.get(point) ?? 0;
      assert.ok(last >= (least.get(point) ?? 0), `${point}: ${last} passes`);
      const middle = 2 + Math.floor(chance() * (last - 2));
      return [...new Set([1, Math.min(middle, last), last])].map((pass) => ({ point, pass }));
    });
  }

  next(): Death | undefined {
    return this.#left.shift();
  }

  /** Flushes share commits, and some runs need fewer than the one that was counted: their last pass comes before. */
  outlived({ point, pass }: Death): void {
    assert.ok(pass > 1, `${point}: no engine came to it`);
    this.#left.unshift({ point, pass: pass - 1 });
  }
}

/** How often an engine comes to each point in a run of 20 agents; the lab has seen no other engine. */
export async function passesOf(lab: CrashLab): Promise<ReadonlyMap<string, number>> {
  const { code, stderr } = await lab.engine({ submit: 'crash.work', items: itemsOf('none') }).ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  // A flush is a transaction; those that had no entry are not counted. The first entry is of who submitted the run.
  const [seen] = await lab.query<{ flushes: number; effects: number }>(
    `SELECT (SELECT count(DISTINCT xmin::text)::int FROM tutti.entry WHERE seq > 1) AS flushes, (SELECT count(*)::int FROM tutti.effect) AS effects`,
  );
  const { flushes = 0, effects = 0 } = seen ?? {};
  return new Map<string, number>([
    ['after-claim', 1],
    ['before-flush', flushes],
    ['after-flush', flushes],
    ['after-tool', effects],
  ]);
}

/** What 20 agents work on. */
const itemsOf = (name: string): readonly string[] => [1, 2, 3, 4].map((item) => `${name}-${item}`);

/**
 * Engines on each of some labs, one after the other: each finishes what the one before has left, begins a run of 20 agents, and dies in it. Then all that they
 * have left behind must be whole.
 */
export async function assertOutlives(labs: readonly CrashLab[], deaths: Deaths): Promise<void> {
  await Promise.all(
    labs.map(async (lab) => {
      await assertWhole(lab, await dieAndGoOn(lab, deaths));
      const open = await lab.query('SELECT id FROM tutti.run WHERE ended_at IS NULL');
      assert.deepEqual(open, []);
    }),
  );
}

async function dieAndGoOn(lab: CrashLab, deaths: Deaths): Promise<readonly WorkRun[]> {
  const runs: WorkRun[] = [];
  for (let death = deaths.next(); death; death = deaths.next()) {
    const at = `${death.point}:${death.pass}`;
    const items = itemsOf(`${at}-${runs.length}`);
    const until = runs.at(-1)?.id;
    const engine = lab.engine({ submit: 'crash.work', items, at, ...(until && { until }) });
    const { code, signal, stderr } = await engine.ended;
    assert.ok(signal === 'SIGKILL' || code === 0, `${at}: ${code} ${signal} ${stderr}`);
    runs.push({ id: await lab.newestRun(), items });
    if (code === 0) deaths.outlived(death);
  }
  const last = runs.at(-1);
  if (last) await lab.engine({ until: last.id }).ended;
  return runs;
}
