import { type Log, type LogFields, openLog, silentLog } from '../core/base/telemetry/log.ts';
import { Metrics } from '../core/base/telemetry/metrics.ts';
import { Scrubber } from '../core/base/telemetry/scrub.ts';
import { SpanIds } from '../core/base/telemetry/span-ids.ts';
import type { LogConfig } from '../core/ports/deployment-config.ts';
import { tellSecrets } from '../core/ports/secret.ts';
import { startTelemetry } from './telemetry.ts';

/**
 * The log of a process: silent until it is opened. Commands speak for themselves on their terminal; only a process that serves, or is
 * told to by `TUTTI_LOG`, writes a log, on standard error.
 */
export class HostLog implements Log {
  readonly #env: NodeJS.ProcessEnv;
  readonly #scrubber: Scrubber;
  #log: Log = silentLog;
  #isOpen = false;

  constructor(env: NodeJS.ProcessEnv, scrubber: Scrubber, { form, level }: LogConfig = {}) {
    // A variable that is set goes before the configuration, which has it from there.
    this.#env = {
      ...env,
      ...(form !== undefined && { TUTTI_LOG: form }),
      ...(level !== undefined && { TUTTI_LOG_LEVEL: level }),
    };
    this.#scrubber = scrubber;
  }

  /** Opens it, once. */
  async open(): Promise<void> {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#log = await openLog({
      env: this.#env,
      isScreen: process.stderr.isTTY === true,
      scrubber: this.#scrubber,
      write: (line) => void process.stderr.write(line),
    });
  }

  debug(message: string, fields?: LogFields): void {
    this.#log.debug(message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log.info(message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log.warn(message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log.error(message, fields);
  }
}

/** What a process counts, traces and writes into its log. */
export class HostTelemetry {
  readonly metrics = new Metrics();
  /** Knows the secrets of this process's environment. */
  readonly scrubber: Scrubber;
  readonly log: HostLog;
  readonly #env: NodeJS.ProcessEnv;
  readonly #spanIds: SpanIds | undefined;
  #stop = async (): Promise<void> => {};

  /** `spanIds`: what an SDK that runs already asks; by default the environment says whether one is started. `log`: as configured. */
  constructor(
    env: NodeJS.ProcessEnv,
    {
      spanIds,
      log,
    }: { readonly spanIds?: SpanIds | undefined; readonly log?: LogConfig | undefined } = {},
  ) {
    this.#env = env;
    this.#spanIds = spanIds;
    this.scrubber = new Scrubber(env);
    tellSecrets(env, this.scrubber);
    this.log = new HostLog(env, this.scrubber, log);
  }

  /** Begins to tell the collector that the process's environment names, if it does; returns what an engine tells by. */
  async start(
    version: string,
  ): Promise<{ readonly metrics: Metrics; readonly log: Log; readonly spanIds: SpanIds }> {
    const { metrics, log, scrubber } = this;
    const spanIds = this.#spanIds ?? new SpanIds();
    if (this.#env.TUTTI_LOG) await log.open();
    this.#stop = await startTelemetry(this.#env, { metrics, spanIds, scrubber, version });
    return { metrics, log, spanIds };
  }

  /** Tells the collector the rest. */
  stop(): Promise<void> {
    return this.#stop();
  }
}
