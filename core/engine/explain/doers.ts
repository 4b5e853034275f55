import type { RegisteredAgent } from '../../sdk/registry.ts';
import { usesErp } from '../loop/attempts.ts';
import { needsModel } from '../loop/refused-call.ts';
import type { Run } from '../run/run.ts';
import type { Step } from '../run/step.ts';
import type { ExpectedAttempt } from '../schedule/durations.ts';
import type { ExpectedTurn } from '../schedule/expected-work.ts';
import type { Experience, Worker } from './experience.ts';
import type { Past } from './past.ts';
import type { Surroundings } from './surroundings.ts';
import { turnOf } from './turn-left.ts';

/** The agent of a step, and how it would work. */
export interface Doer extends Worker {
  /** The first model of its profile, or null where its playbook does the step. */
  readonly model: string | null;
  readonly usesErp: boolean;
  /** Whether it goes on without a model when its first call is denied. */
  readonly goesOn: boolean;
  /** What an attempt should take. */
  readonly expected: ExpectedAttempt;
  /** Its turns, as a forecast takes them. */
  readonly turns: readonly ExpectedTurn[];
}

/** What doers are found by. */
export interface DoerParts {
  readonly around: Pick<Surroundings, 'launcher' | 'turns'>;
  readonly experience: Experience;
  readonly past: Past | null;
}

type Found = Map<RegisteredAgent, Doer>;

/** Who does which step at one moment; an agent is looked at once for each run. */
export class Doers {
  readonly #parts: DoerParts;
  /** By run and agent; those who work by their playbook because their model would not, apart. */
  readonly #known = { model: new Map<Run, Found>(), playbook: new Map<Run, Found>() };

  constructor(parts: DoerParts) {
    this.#parts = parts;
  }

  /** Who does a step that is no point, or would do the items of a foreach. */
  of(run: Run, step: Step): Doer {
    const registered = this.#parts.around.launcher.agentOf(step);
    const known = step.onPlaybook ? this.#known.playbook : this.#known.model;
    let ofRun = known.get(run);
    if (!ofRun) {
      ofRun = new Map();
      known.set(run, ofRun);
    }
    let doer = ofRun.get(registered);
    if (!doer) {
      doer = this.#find(run, step, registered);
      ofRun.set(registered, doer);
    }
    return doer;
  }

  #find(run: Run, { onPlaybook }: Step, registered: RegisteredAgent): Doer {
    const { turns } = this.#parts.around;
    const { rehearsal, speed } = run.facts;
    const usesModel = turns.areOn(run) && !onPlaybook && !registered.isTool;
    const asked = rehearsal ? 'rehearsal' : 'model';
    const worker: Worker = {
      registered,
      mode: usesModel ? asked : 'playbook',
      speed: rehearsal ? (speed ?? 1) : 1,
    };
    const expected = this.#parts.experience.expected(worker, this.#parts.past);
    return {
      ...worker,
      model: usesModel ? turns.modelOf(registered) : null,
      usesErp: usesErp(registered),
      goesOn: !needsModel(registered),
      expected,
      turns: expected.turns.map(turnOf),
    };
  }
}
