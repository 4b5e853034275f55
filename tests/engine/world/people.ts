import type { Question } from './database.ts';
import type { Dice } from './dice.ts';
import type { SimEngine } from './engine.ts';
import { decide } from './questions.ts';
import { nameOfRun, type Seen } from './seen.ts';

/** What people ask of runs, and what they say when steps ask them. */
export class People {
  readonly #world: Seen;

  constructor(world: Seen) {
    this.#world = world;
  }

  /** Questions that are open. */
  get questions(): readonly Question[] {
    return [...this.#world.database.questions.values()].filter(({ state }) => state === 'open');
  }

  ask(runId: string, asked: Parameters<SimEngine['loop']['ask']>[1]): void {
    const { database, engine } = this.#world;
    const id = database.post({ runId, asked });
    this.#world.note(`ask ${nameOfRun(runId)} ${asked.kind}`);
    engine.ask(runId, asked, id);
  }

  cancelStep(runId: string, dice: Dice): void {
    const steps = this.#world.engine.loop.runs.get(runId)?.steps.length ?? 0;
    this.ask(runId, { kind: 'cancel_step', step: dice.below(steps), subtree: dice.once(2) });
  }

  rank(runId: string, dice: Dice): void {
    const by = { kind: 'person', id: 'anna' } as const;
    this.ask(runId, { kind: 'priority', priority: dice.pick([1, 3, 5, 8, 10]), by });
  }

  letGo(runId: string): void {
    if (this.#world.engine.loop.runs.get(runId)?.isPaused) this.ask(runId, { kind: 'resume' });
  }

  /** Says yes or no to a question. */
  decide(dice: Dice): void {
    const question = dice.pick(this.questions);
    const said = {
      person: dice.pick(question.deciders),
      decision: dice.once(3) ? ('refused' as const) : ('granted' as const),
    };
    const counts = decide(this.#world.database, question, said);
    this.#world.note(`${said.person}: ${question.id.slice(-7)} ${said.decision} ${counts}`);
  }

  /** Lets an engine start nothing new; what runs goes on, for as long as chance allows. */
  drain(): void {
    this.#world.note('drain');
    this.#world.engine.drain();
  }

  /** Whether a step waits until somebody has looked what has become of its effect. */
  get hasReview(): boolean {
    return this.#reviews.length > 0;
  }

  /** Looks what has become of an effect, and says so. */
  review(): void {
    const { database, outside } = this.#world;
    const { runId, step } = this.#reviews[0] as { readonly runId: string; readonly step: number };
    const { family } = database.run(runId);
    for (const [key, line] of database.effects) {
      // A retry meets what the run before it has begun.
      if (database.run(line.run_id).family === family && line.state === 'needs_review')
        line.state = outside.writes.has(key) ? 'applied' : 'rejected';
    }
    this.ask(runId, { kind: 'settled', step, key: '' });
  }

  get #reviews(): readonly { readonly runId: string; readonly step: number }[] {
    return [...this.#world.engine.loop.runs.values()].flatMap(({ facts, steps }) =>
      steps
        .filter(({ wait }) => wait === 'review')
        .map(({ id }) => ({ runId: facts.id, step: id })),
    );
  }
}
