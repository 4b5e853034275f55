import { openHost } from '../../bin/host.ts';
import { version } from '../../bin/version.ts';
import { type Clock, systemClock } from '../../core/base/clock.ts';
import { Engine } from '../../core/engine/engine.ts';
import { History } from '../../core/engine/history/history.ts';
import type { BreakerLimits, Budgets, RateLimit } from '../../core/ports/config.ts';
import type { Profiles } from '../../core/ports/models/profiles.ts';
import { Pool } from '../../worker/pool/pool.ts';
import { booksDatabase } from './company.ts';
import { requestOf, type TestEngine } from './engine.ts';
import type { ModelApi } from './model-wire.ts';
import type { FreshDatabase } from './postgres.ts';

/** The machine's clock, so many times as fast. */
function fastClock(times: number): Clock {
  const began = Date.now();
  return {
    now: () => began + (Date.now() - began) * times,
    monotonic: () => performance.now() * times,
    after: (delayMs, run) => systemClock.after(delayMs / times, run),
  };
}

/** A model of a chain, and where it is served. */
export interface ModelAt {
  readonly model: string;
  readonly baseUrl: string;
  /** @default 'openai' */
  readonly provider?: ModelApi;
}

/** How the agents of window.config.ts run. */
export interface WindowLab {
  readonly models: Readonly<Partial<Record<'fast' | 'standard' | 'deep', readonly ModelAt[]>>>;
  readonly modelLimits?: Readonly<Record<string, RateLimit>>;
  /** @default 1 */
  readonly threads?: number;
  readonly breaker?: BreakerLimits;
  readonly budgets?: Budgets;
  /** Limits of every agent. */
  readonly agent?: { readonly attempts?: number };
}

/** Tools as they go over the wire. */
export const lookTool = 'window-thing-look';

/** The URL of the configuration, for an engine of its own. */
export function windowConfig({ models, threads = 1, ...lab }: WindowLab): URL {
  const url = new URL('./fixtures/window.config.ts', import.meta.url);
  const common = {
    apiKeyEnv: 'TUTTI_TEST_KEY',
    maxOutputTokens: 200,
    deadlines: { firstByteMs: 20_000 },
  };
  const chains = Object.entries(models).map(([profile, chain]) => [
    profile,
    chain.map((each) => ({ provider: 'openai', ...each, ...common })),
  ]);
  url.searchParams.set('models', JSON.stringify(Object.fromEntries(chains)));
  url.searchParams.set('threads', String(threads));
  for (const [name, value] of Object.entries(lab))
    url.searchParams.set(name, JSON.stringify(value));
  return url;
}

/**
 * An engine with threads, `times` as fast: what it counts and waits for follows its clock; sockets, leases, shares and what
 * threads wait for do not.
 */
export async function openWindowLab(
  lab: WindowLab,
  { fresh: given, times = 1 }: { readonly fresh?: FreshDatabase; readonly times?: number } = {},
): Promise<TestEngine> {
  process.env.TUTTI_TEST_KEY = 'a-key-of-the-tests';
  const fresh = given ?? (await booksDatabase());
  const configUrl = windowConfig(lab).href;
  const host = await openHost({
    configUrl,
    databaseUrl: fresh.url,
    dataFolder: '/nonexistent',
    env: process.env,
  });
  const { database, registry, config, connector } = host;
  const profiles = host.profiles as Profiles;
  let failure: Error | null = null;
  const gaveUp = Promise.withResolvers<never>();
  gaveUp.promise.catch(() => undefined);
  const connection = database.connectionConfig;
  const setup = {
    ...{ configUrl, connection, profiles, digest: registry.digest },
    dataFolder: '/nonexistent',
  };
  const dispatcher = new Pool({ setup, threads: lab.threads ?? 1 });
  const engine = new Engine({
    ...{ database, registry, config, profiles, version, dispatcher, connector },
    clock: fastClock(times),
    onFailure(error) {
      failure = error;
      gaveUp.reject(error);
    },
  });
  await engine.start();
  return {
    fresh,
    host,
    engine,
    history: new History(database),
    get failure() {
      return failure;
    },
    async run(workflow, asked) {
      const { id } = await engine.startRun(requestOf(workflow, asked));
      return { id, status: await Promise.race([engine.whenEnded(id), gaveUp.promise]) };
    },
    async close(context) {
      await engine.stop();
      await host.close();
      if (!given) await fresh.drop(context);
    },
  };
}

/** Items of a run, each an agent. */
export function itemsOf(name: string, length: number): readonly { readonly id: string }[] {
  return Array.from({ length }, (_, index) => ({ id: `${name}${index}` }));
}
