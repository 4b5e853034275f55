import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { briefFlags } from './brief-flags.ts';
import type { FreshDatabase } from './postgres.ts';

const child = fileURLToPath(new URL('./fixtures/racing-engine.ts', import.meta.url));

/** A run for one of the engines. */
export interface RacingRun {
  readonly workflow: string;
  readonly tenantId: number;
  readonly input: object;
}

/** Engines of one database, each in a process of its own. */
export interface RacingEngines {
  /** Starts one run on each engine, one right after the other; returns their ids. */
  start(runs: readonly RacingRun[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Starts as many engines as there are `configUrls`. */
export async function startEngines(
  { url }: FreshDatabase,
  configUrls: readonly URL[],
): Promise<RacingEngines> {
  const children: ChildProcess[] = configUrls.map(({ href }) =>
    fork(child, [href, url], {
      env: { ...process.env, TUTTI_TEST_KEY: 'a-key-of-the-tests' },
      execArgv: [...briefFlags],
    }),
  );
  // From the beginning: of one that ends before anybody asks, nobody would hear.
  const ends = children.map((engine) => once(engine, 'exit'));
  const hear = async (at: number): Promise<string> => {
    const over = new AbortController();
    const died = ends[at]?.then(([code]) => {
      throw new Error(`An engine ended with ${code}.`);
    });
    try {
      const said = once(children[at] as ChildProcess, 'message', { signal: over.signal });
      const [word] = (await Promise.race([said, died])) as [string];
      return word;
    } finally {
      over.abort();
    }
  };
  await Promise.all(children.map((_, at) => hear(at)));
  return {
    async start(runs) {
      const ids: string[] = [];
      for (const [at, run] of runs.entries()) {
        children[at]?.send(run);
        ids.push(await hear(at));
      }
      return ids;
    },
    async close() {
      for (const engine of children) if (engine.connected) engine.disconnect();
      await Promise.all(ends);
    },
  };
}
