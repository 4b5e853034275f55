import type { CompiledTask } from '../../../core/engine/graph/compiled.ts';
import type { Run } from '../../../core/engine/run/run.ts';
import { pathOf, type Step } from '../../../core/engine/run/step.ts';
import type { RunningLimits } from '../../../core/engine/schedule/scheduler.ts';
import { agents } from './agents.ts';
import type { SimEngine } from './engine.ts';

/** A step that holds a slot. */
export interface Holder {
  readonly run: Run;
  readonly step: Step;
}

/** The steps that hold a slot, counted from steps and threads: those that run, but not while they wait for a call. */
export function holders({ loop, threads }: SimEngine): readonly Holder[] {
  const waiting = new Set<string>();
  const sent = new Set<string>();
  for (const { job, waits } of threads.values()) {
    sent.add(`${job.runId} ${job.stepPath}`);
    if (waits) waiting.add(`${job.runId} ${job.stepPath}`);
  }
  const held: Holder[] = [];
  for (const run of loop.runs.values())
    for (const step of run.steps) {
      const isAgent = step.kind === 'task' || step.kind === 'reduce';
      if (!isAgent || step.status !== 'running') continue;
      const name = `${run.facts.id} ${pathOf(step)}`;
      // One whose first call was refused when it was to be written waits without a thread: only it itself says so.
      if (!waiting.has(name) && !(step.isAsking && !sent.has(name))) held.push({ run, step });
    }
  return held;
}

/** Whether a limit on what runs keeps a step back. `held`: what counts against it. */
export function isBlocked(
  { run, step }: Holder,
  held: readonly Holder[],
  { running, perRun, perModule }: RunningLimits,
): boolean {
  const own = held.filter((each) => each.run === run).length;
  const module = moduleOf(step);
  const ofModule = held.filter((each) => moduleOf(each.step) === module).length;
  const ownLimit = Math.min(perRun, run.graph.concurrency);
  return held.length >= running || own >= ownLimit || ofModule >= perModule;
}

function moduleOf(step: Step): string {
  return agents.get(actingOf(step))?.module ?? '';
}

/** The agent that does a step now, qualified. */
export function actingOf({ place, reassignedTo }: Step): string {
  return reassignedTo ?? (place as CompiledTask).agent;
}
