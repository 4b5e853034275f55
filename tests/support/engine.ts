import { type Host, openHost } from '../../bin/host.ts';
import type { SpanIds } from '../../core/base/telemetry/span-ids.ts';
import type { Engine } from '../../core/engine/engine.ts';
import { History } from '../../core/engine/history/history.ts';
import type { RunRequest } from '../../core/engine/store/store.ts';
import type { RunStatus } from '../../core/ports/db/states.ts';
import { booksDatabase, companyDatabase } from './company.ts';
import { encryptedBy, encryptedConfig } from './encrypted.ts';
import type { FreshDatabase } from './postgres.ts';

/** A whole Tutti of one test file: a database of its own, the modules of a configuration, an engine with threads. */
export interface TestEngine {
  readonly fresh: FreshDatabase;
  readonly host: Host;
  readonly engine: Engine;
  readonly history: History;
  /** What made the engine give up, if anything has. */
  readonly failure: Error | null;
  /** Starts a run and waits for its end. Rejects when the engine gives up. */
  run(workflow: string, options: RunOptions): Promise<EndedRun>;
  /** In `after(function () { return testEngine.close(this); })` the database is kept when a test has failed. */
  close(context?: Mocha.Context): Promise<void>;
}

/** A run to start; it is unattended. */
export interface RunOptions {
  readonly tenantId: number;
  readonly input?: unknown;
  /** @default 2026-06-30, the sample company's date */
  readonly businessDate?: string;
}

export interface EndedRun {
  readonly id: string;
  readonly status: RunStatus;
}

/** How an engine is opened; by default on a database of its own, without a key to any model. */
export interface EngineOptions {
  /** A database that the caller drops. */
  readonly fresh?: FreshDatabase;
  /** Whether its own database has the sample company in it, without samples of modules that are not shipped. @default it is empty */
  readonly hasCompany?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** What a span recorder of the test asks for ids. @default nobody traces */
  readonly spanIds?: SpanIds;
}

/** Opens an engine of a test file. `configUrl` as for `openHost`. */
export async function openTestEngine(
  configUrl: string | URL,
  options: EngineOptions = {},
): Promise<TestEngine> {
  const key = process.env[encryptedBy];
  const env = { ...options.env, ...(key && { [encryptedBy]: key }) };
  const own = options.hasCompany ? companyDatabase : booksDatabase;
  const fresh = options.fresh ?? (await own());
  const host = await openHost({
    configUrl: key ? encryptedConfig(configUrl) : String(configUrl),
    databaseUrl: fresh.url,
    dataFolder: '/nonexistent',
    env,
    ...(options.spanIds && { spanIds: options.spanIds }),
  });
  let failure: Error | null = null;
  const onFailure = (error: Error): void => {
    failure = error;
  };
  const engine = await host.startEngine(onFailure).catch(async (error: unknown) => {
    await host.close();
    throw error;
  });
  return {
    fresh,
    host,
    engine,
    history: new History(host.database),
    get failure() {
      return failure;
    },
    async run(workflow, options) {
      const { id } = await engine.startRun(requestOf(workflow, options));
      return { id, status: await engine.whenEnded(id) };
    },
    async close(context) {
      await host.close();
      if (!options.fresh) await fresh.drop(context);
    },
  };
}

/** A request as an unattended night makes it. */
export function requestOf(workflow: string, options: RunOptions): RunRequest {
  const { tenantId, input = {}, businessDate = '2026-06-30' } = options;
  const actor = { kind: 'person', id: 'tester' } as const;
  return {
    tenantId,
    workflow,
    input,
    businessDate,
    timeZone: 'Europe/Berlin',
    attended: false,
    actor,
  };
}
