import type { CompiledTask } from '../../../core/engine/graph/compiled.ts';
import type { Change } from '../../../core/engine/journal/rows.ts';
import { pathOf } from '../../../core/engine/run/step.ts';
import type { StepFailure } from '../../../core/ports/config.ts';
import type { Job } from '../../../core/ports/dispatcher.ts';
import type { EntryLine } from './database.ts';
import type { SimEngine } from './engine.ts';
import type { Accuse, Seen } from './seen.ts';

/** I20: failures are followed as the rules in force say, and what that has led to lasts, whoever owns the run. */
export class Ways {
  readonly #world: Seen;
  readonly #accuse: Accuse;

  constructor(world: Seen, accuse: Accuse) {
    this.#world = world;
    this.#accuse = accuse;
  }

  changed(engine: SimEngine, { run, step, entries = [] }: Change): void {
    if (!step || !('agent' in step.place)) return;
    const { agent } = step.place as CompiledTask;
    const ways = engine.rulesFor(agent).flatMap((rule) => rule.ways);
    const isSaid = (strategy: string): boolean => ways.some((way) => way.strategy === strategy);
    for (const { kind, data } of entries) {
      const what = `${run.facts.id.slice(-2)} ${pathOf(step)}: ${kind} ${data.strategy ?? ''}`;
      if (
        kind === 'step.retrying' &&
        data.strategy !== undefined &&
        data.strategy !== 'retry' &&
        !isSaid(String(data.strategy))
      )
        this.#accuse('I20', `${what}, and no rule of ${agent} says so`);
      if (kind === 'step.skipped' && !isSaid('skip'))
        this.#accuse('I20', `${what}, and no rule of ${agent} says so`);
      if (kind === 'run.aborted' && !isSaid('abort'))
        this.#accuse('I20', `${what}, and no rule of ${agent} says so`);
    }
  }

  launched(engine: SimEngine, { runId, stepPath, agent, mode }: Job): void {
    // Whoever has been taken over from starts what was durable before it hears of it.
    if (engine !== this.#world.engine) return;
    const step = engine.loop.runs.get(runId)?.steps.find((each) => pathOf(each) === stepPath);
    if (!step) return;
    const own = this.#entriesOf(runId, step.id);
    const { agent: declared } = step.place as CompiledTask;
    const acting = own.findLast(({ kind }) => kind === 'step.reassigned')?.data.to ?? declared;
    if (agent !== acting) this.#accuse('I20', `${stepPath} is done by ${agent}, not by ${acting}`);
    const isOnPlaybook = own.some(({ kind, data }) => kind === 'step.retrying' && data.playbook);
    if (isOnPlaybook && mode !== 'playbook')
      this.#accuse('I20', `${stepPath} is done by a model, and had fallen back to its playbook`);
  }

  /** The installation hears that a step has failed, when that is durable. */
  failed({ runId, step: path, told }: StepFailure): void {
    const stored = this.#world.database.run(runId);
    const step = [...stored.steps.values()].find(
      ({ node, item_key: itemKey }) => pathOf({ node, itemKey }) === path,
    );
    const own = this.#entriesOf(runId, step?.id ?? -1);
    const escalated = own.filter(({ kind }) => kind === 'step.escalated');
    if (told.join() !== escalated.map(({ data }) => data.to).join())
      this.#accuse(
        'I20',
        `of ${path} ${told.join()} are told, its journal names ${escalated.map(({ data }) => data.to).join()}`,
      );
    if (step?.status !== 'failed')
      this.#accuse('I20', `${path} is told as failed, and is ${step?.status}`);
  }

  #entriesOf(runId: string, id: number): readonly EntryLine[] {
    return this.#world.database.run(runId).entries.filter(({ step }) => step === id);
  }
}
