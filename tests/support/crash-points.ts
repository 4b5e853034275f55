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
  /** A run came to its end before it came to that pass; so often it came to each point. */
  outlived(death: Death, came: Passes): void;
}

/** How often a run came to each crash point. */
export type Passes = ReadonlyMap<string, number>;

const points = ['after-claim', 'before-flush', 'after-flush', 'after-tool'] as const;

/** How often a run of 20 agents comes to each point, at least: it has one claim, a send or write for most agents, and a flush for each. */
const least: Passes = new Map([
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

/** How many passes fewer the run after one that was outlived may need: each that is outlived is an engine for nothing. */
const spare = 2;

/** The first pass of each point but the claim (`dieAtClaim`), one in the middle by chance, and the last, or one of the last where runs need fewer. */
export class SomePasses implements Deaths {
  readonly #left: Death[];
  /** How often runs come to each point. */
  readonly #most: Map<string, number>;

  /** `passes`: how often a run that nobody disturbed came to each point. */
  constructor(passes: Passes, seed: number) {
    const chance = chances(seed);
    this.#most = new Map(passes);
    this.#left = points.slice(1).flatMap((point) => {
      const last = passes.get(point) ?? 0;
      assert.ok(last >= (least.get(point) ?? 0), `${point}: ${last} passes`);
      const middle = 2 + Math.floor(chance() * (last - 2));
      return [...new Set([1, Math.min(middle, last), last])].map((pass) => ({ point, pass }));
    });
  }

  next(): Death | undefined {
    const death = this.#left.shift();
    return death && { ...death, pass: Math.min(death.pass, this.#most.get(death.point) ?? 1) };
  }

  /** Flushes share commits, and some runs need fewer than the one that was counted: their last pass comes before. */
  outlived(death: Death, came: Passes): void {
    const { point, pass } = death;
    assert.ok(pass > 1, `${point}: no engine came to it`);
    for (const [each, most] of this.#most)
      this.#most.set(each, Math.min(most, came.get(each) ?? most));
    const most = Math.min(pass, this.#most.get(point) ?? pass);
    this.#left.unshift({ point, pass: Math.max(1, most - spare) });
  }
}

/** An engine sees a run of 20 agents to its end that nobody disturbs, and dies when it claims the next; both runs. */
export async function dieAtClaim(lab: CrashLab): Promise<readonly [WorkRun, WorkRun]> {
  const items = itemsOf('none');
  const first = { id: await lab.submit('crash.work', items), items };
  const death = { point: 'after-claim', pass: 1 };
  const { run, isOutlived } = await die(lab, { death, after: first });
  assert.ok(!isOutlived, 'after-claim: no engine came to it');
  return [first, run];
}

/** How often the engines of a run came to each point, at least. */
export async function passesOf(lab: CrashLab, { id }: WorkRun): Promise<Passes> {
  // A flush is a transaction; those that had no entry are not counted. The first entry is of who submitted the run.
  const [seen] = await lab.query<{ flushes: number; effects: number }>(
    `SELECT (SELECT count(DISTINCT xmin::text)::int FROM tutti.entry WHERE run_id = $1 AND seq > 1) AS flushes,
       (SELECT count(*)::int FROM tutti.effect WHERE run_id = $1) AS effects`,
    [id],
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
 * Engines, one after the other: each finishes what the one before has left, begins a run of 20 agents, and dies in it. Then all that they have left behind
 * must be whole, and what others had `begun`.
 */
export async function assertOutlives(
  lab: CrashLab,
  deaths: Deaths,
  begun: readonly WorkRun[] = [],
): Promise<void> {
  const runs = [...begun];
  for (let death = deaths.next(); death; death = deaths.next()) {
    const { run, isOutlived } = await die(lab, { death, after: runs.at(-1) });
    runs.push(run);
    if (isOutlived) deaths.outlived(death, await passesOf(lab, run));
  }
  const last = runs.at(-1);
  if (last) await lab.engine({ until: last.id }).ended;
  await assertWhole(lab, runs);
  const open = await lab.query('SELECT id FROM tutti.run WHERE ended_at IS NULL');
  assert.deepEqual(open, []);
}

/** An engine sees a run to its end, begins the next, and dies in it, or ends with it. */
async function die(
  lab: CrashLab,
  { death, after }: { readonly death: Death; readonly after: WorkRun | undefined },
): Promise<{ readonly run: WorkRun; readonly isOutlived: boolean }> {
  const at = `${death.point}:${death.pass}`;
  const items = itemsOf(`${at}-${after?.id}`);
  const until = after?.id;
  const engine = lab.engine({ submit: 'crash.work', items, at, ...(until && { until }) });
  const { code, signal, stderr } = await engine.ended;
  assert.ok(signal === 'SIGKILL' || code === 0, `${at}: ${code} ${signal} ${stderr}`);
  return { run: { id: await lab.newestRun(), items }, isOutlived: code === 0 };
}
