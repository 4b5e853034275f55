import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertWhole, type WorkRun } from './crash-bars.ts';
import type { CrashLab, LabEngine } from './crash-lab.ts';

/** Random numbers below 1 that a seed gives again. */
export function chances(seed: number): () => number {
  let state = seed >>> 0;
  // Mulberry32 by Tommy Ettinger, public domain.
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How engines are killed. */
export interface Killing {
  readonly kills: number;
  readonly seed: number;
  /** Items of each run; a run has 4 agents an item and 4 more. */
  readonly items: number;
}

/** What came of it. */
export interface Killed {
  readonly runs: readonly WorkRun[];
  /** Kills that met unfinished work. */
  readonly kills: number;
}

/** The longest that an engine lives once it is ready, milliseconds. */
const longestLifeMs = 900;
/** Of two engines every so manyth victim is asked to end, the others are killed: `drain.test.ts` is about ends that are asked for. */
const asked = 8;
/** After the last kill. */
const endWithinMs = 240_000;

async function submit(lab: CrashLab, name: string, count: number): Promise<WorkRun> {
  const items = Array.from({ length: count }, (_, index) => `${name}-${1000 + index}`);
  return { id: await lab.submit('crash.work', items), items };
}

async function openRuns(lab: CrashLab): Promise<number> {
  const [row] = await lab.query<{ open: number }>(
    'SELECT count(*)::int AS open FROM tutti.run WHERE ended_at IS NULL',
  );
  return row?.open ?? 0;
}

/** One engine after the other on one database, each killed after a random while: as it starts, in the middle, or near the end. */
export async function killOneByOne(
  lab: CrashLab,
  { kills, seed, items }: Killing,
): Promise<Killed> {
  const chance = chances(seed);
  const runs: WorkRun[] = [];
  for (let met = 0; met < kills; ) {
    if ((await openRuns(lab)) === 0) runs.push(await submit(lab, `s${runs.length}`, items));
    // One in four has two threads.
    const engine = lab.engine({ threads: chance() < 1 / 4 ? 2 : 1 });
    // One in eight dies while it starts.
    if (chance() < 7 / 8) await engine.ready;
    await sleep(chance() * longestLifeMs);
    if ((await openRuns(lab)) > 0) met += 1;
    engine.child.kill('SIGKILL');
    await engine.ended;
  }
  await finish(lab, [lab.engine()]);
  return { runs, kills };
}

/** Two engines in two processes serve one database; one of them is killed, or asked to end, while the other lives and takes over. */
export async function killInTurns(lab: CrashLab, { kills, seed, items }: Killing): Promise<Killed> {
  const chance = chances(seed);
  const runs: WorkRun[] = [];
  const living = [lab.engine(), lab.engine()];
  await Promise.all(living.map(({ ready }) => ready));
  for (let met = 0, turn = 0; met < kills; turn += 1) {
    while ((await openRuns(lab)) < 3) runs.push(await submit(lab, `p${runs.length}`, items));
    await sleep(chance() * longestLifeMs);
    const [victim] = living.splice(Math.floor(chance() * living.length), 1) as [LabEngine];
    const isKilled = turn % asked !== asked - 1;
    if (isKilled && (await openRuns(lab)) > 0) met += 1;
    victim.child.kill(isKilled ? 'SIGKILL' : 'SIGTERM');
    const { code, stderr } = await victim.ended;
    if (!isKilled) assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    await assertTakenOver(lab, victim);
    const next = lab.engine();
    living.push(next);
    await next.ready;
  }
  await finish(lab, living);
  return { runs, kills };
}

/** On the host of the dead nobody waits for its lease to run out, which it would for most of a minute. */
async function assertTakenOver(lab: CrashLab, { child }: LabEngine): Promise<void> {
  const withinMs = 30_000;
  await lab.until(
    'the runs of the dead are free',
    async () => {
      const rows = await lab.query(
        'SELECT FROM tutti.run r JOIN tutti.engine e ON e.id = r.owner WHERE e.pid = $1',
        [child.pid],
      );
      return rows.length === 0;
    },
    withinMs,
  );
}

async function finish(lab: CrashLab, engines: readonly LabEngine[]): Promise<void> {
  await lab.until('the end of all runs', async () => (await openRuns(lab)) === 0, endWithinMs);
  for (const { child } of engines) child.kill('SIGTERM');
  for (const engine of engines) {
    const { code, stderr } = await engine.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  }
}

/** Kills and then looks whether anything is lost, doubled or stuck; whatever fails names the seed. */
export async function assertSurvives(
  lab: CrashLab,
  killing: Killing,
  kill: (lab: CrashLab, killing: Killing) => Promise<Killed>,
): Promise<Killed> {
  try {
    const killed = await kill(lab, killing);
    await assertWhole(lab, killed.runs);
    return killed;
  } catch (error) {
    throw new Error(`CRASH_SEED=${killing.seed} gives these chances again`, { cause: error });
  }
}

/** Another seed for each test process, or the one that a failure has named. */
export function seedOf(offset: number): number {
  const named = process.env.CRASH_SEED;
  return (named === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(named)) + offset;
}
