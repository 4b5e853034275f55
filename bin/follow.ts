import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../core/engine/engine.ts';
import { isTerminal, type RunStatus } from '../core/engine/run/states.ts';
import { formatDuration } from '../core/service/batch/format.ts';
import {
  noProgress,
  type Progress,
  readProgress,
  viewProgress,
} from '../core/service/batch/progress.ts';
import { expectedAgents } from './call-host.ts';
import { type Call, drainMsOf } from './command.ts';
import { EventLines } from './event-lines.ts';
import type { Host } from './host.ts';
import { openDisplay, type ProgressDisplay } from './progress-display.ts';

/** A run to be seen to its end. */
export interface Followed {
  readonly tenantId: number;
  readonly runId: string;
  readonly workflow: string;
}

/** Who makes runs go on: the engine of this process, or that of another one. */
export interface Executor {
  /** Null while another process does it. */
  engine: Engine | null;
  /** Rejects when the engine of this process cannot go on. */
  readonly failed: Promise<never>;
  /** Starts an engine here. */
  start(): Promise<Engine>;
}

const pollMs = 150;
/** Between looks at what the journal does not tell: whether the other process still lives. */
const checkMs = 2_000;

/** An executor whose engine has not been started. */
export function newExecutor(host: Host): Executor {
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Whoever waits for a run sees the failure; when nobody waits, nobody has to.
  failed.catch(() => {});
  return {
    engine: null,
    failed,
    async start() {
      this.engine = await host.startEngine(fail);
      return this.engine;
    },
  };
}

/** Leaves runs to the process that serves the database or, when there is none, starts an engine here. */
export async function findExecutor(host: Host): Promise<Executor> {
  const executor = newExecutor(host);
  if (!(await host.isServed())) await executor.start();
  return executor;
}

/**
 * Shows a run until it has ended; returns its status, or null when the command was interrupted. When the process that runs it
 * dies, an engine is started here to go on with it.
 * @throws JOURNAL_NEWER · what ends the engine of this process
 */
export async function follow(
  call: Call,
  host: Host,
  { run, executor }: { readonly run: Followed; readonly executor: Executor },
): Promise<string | null> {
  await host.store.checkReadable(run.tenantId, run.runId);
  const events = eventsOf(call, host, run);
  const display = events ? null : openDisplay(call.terminal, run.workflow);
  const expected = await expectedAgents(host.history, run);
  const watch = new Watch(host, run);
  try {
    let checkedAtMs = performance.now();
    let held = '';
    for (;;) {
      await watch.read();
      await events?.read();
      if (display) show(display, watch.progress, expected);
      if (watch.progress.ended !== null) return watch.progress.ended;
      if (call.interrupt.signal.aborted) return null;
      if (performance.now() - checkedAtMs > checkMs) {
        const status = await watch.status();
        if (isTerminal(status)) return status;
        sayHeld(call, run.runId, held === status ? null : status);
        held = status;
        if (!executor.engine && !(await host.isServed())) await takeOver(call, executor);
        checkedAtMs = performance.now();
      }
      await Promise.race([sleep(pollMs), executor.failed, call.interrupt.came]);
    }
  } finally {
    display?.end();
  }
}

/** Sees a run to its end, here or in the process that serves the database; its status, or null when the command was interrupted. */
export async function seeToItsEnd(call: Call, host: Host, run: Followed): Promise<string | null> {
  const { status } = await host.history.head(run.tenantId, run.runId);
  if (isTerminal(status)) {
    await eventsOf(call, host, run)?.read();
    return status;
  }
  const executor = await findExecutor(host);
  if (!executor.engine)
    call.terminal.say('Another process serves this database and runs it; following.');
  const ended = await follow(call, host, { run, executor });
  if (ended === null) sayInterrupted(call, host, executor);
  return ended;
}

/** Null where the command was not asked for events. */
function eventsOf({ args, terminal }: Call, { history }: Host, run: Followed): EventLines | null {
  return args.has('events') ? new EventLines(history, run, terminal) : null;
}

async function takeOver(call: Call, executor: Executor): Promise<void> {
  call.terminal.say('The process that ran it has gone; this one goes on with it.');
  await executor.start();
}

/** Why a run that has not ended does not go on by itself. */
function sayHeld(call: Call, runId: string, status: RunStatus | null): void {
  if (status === 'paused')
    call.terminal.say(`The run is paused; it goes on after: tutti resume ${runId}`);
  if (status === 'waiting')
    call.terminal.say(
      'The run waits for a person; see: tutti approvals, tutti effects --review, tutti budgets',
    );
}

/** What becomes of a run whose command was interrupted. */
export function sayInterrupted(call: Call, { config }: Host, executor: Executor): void {
  call.terminal.say(
    executor.engine
      ? `Interrupted. What runs gets up to ${formatDuration(drainMsOf(config))} to end (Ctrl-C again ends at once). What was done is recorded; the run goes on where it stopped when an engine starts again (tutti serve, npm start).`
      : 'Interrupted. The run goes on in the process that serves the database.',
  );
}

function show(display: ProgressDisplay, progress: Progress, expected: number): void {
  display.show(viewProgress(progress, Date.now(), expected), progress);
}

/** A run's progress, read on from where it was. */
class Watch {
  readonly #host: Host;
  readonly #run: Followed;
  progress: Progress = noProgress;

  constructor(host: Host, run: Followed) {
    this.#host = host;
    this.#run = run;
  }

  async read(): Promise<void> {
    this.progress = await readProgress(this.#host.history, this.#run, this.progress);
  }

  /** What the run's row says, with everything that led to it read. */
  async status(): Promise<RunStatus> {
    const { status } = await this.#host.history.head(this.#run.tenantId, this.#run.runId);
    if (isTerminal(status)) await this.read();
    return status;
  }
}
