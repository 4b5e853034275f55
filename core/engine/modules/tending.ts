import type { Dispatcher } from '../../ports/dispatcher.ts';
import { doersIn } from '../../sdk/node.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { AnyTool } from '../../sdk/tool.ts';
import type { Claims } from '../adoption/claims.ts';
import { isAgentPlace } from '../graph/compiled.ts';
import type { RunLoop } from '../loop/loop.ts';
import { short } from '../run/pinned.ts';
import type { Run } from '../run/run.ts';
import type { LoadingEngine, ModuleLoader } from './module-loader.ts';

/** The parts of an engine that hear of modules. */
export interface TendingParts {
  readonly modules: Pick<ModuleLoader, 'tend'>;
  readonly boot: string;
  readonly registry: Pick<Registry, 'policies'>;
  readonly dispatcher: Pick<Dispatcher, 'declare'>;
  readonly loop: Pick<RunLoop, 'runs' | 'note'>;
  readonly claims: Pick<Claims, 'settled'>;
}

/** Has an engine follow what is to be loaded. */
export class ModuleTending {
  readonly #parts: TendingParts;
  #policies: string;
  #under: Promise<void> | null = null;

  constructor(parts: TendingParts) {
    this.#parts = parts;
    this.#policies = short(parts.registry.policies);
  }

  /** Looks, unless it is looking: reading code may take longer than the next second. */
  tend(): void {
    this.#under ??= this.look()
      // Without its database it looks again in a second.
      .catch(() => {})
      .finally(() => {
        this.#under = null;
      });
  }

  /** Looks now; resolves when what was asked for until now is loaded, goes, or has failed. @throws DB_* */
  look(): Promise<void> {
    const { modules, boot, dispatcher, claims } = this.#parts;
    const engine: LoadingEngine = {
      boot,
      declare: async (declared) => await dispatcher.declare?.(declared),
      uses: (module) => [...this.#parts.loop.runs.values()].some((run) => couldUse(run, module)),
      claimsSettled: () => claims.settled(),
      moved: () => this.#moved(),
    };
    return modules.tend(engine);
  }

  /** Resolves when no look is under way. */
  async settled(): Promise<void> {
    await this.#under;
  }

  /** Runs go on by the policies of all that is loaded; their journals say so, once. */
  #moved(): void {
    const { loop, registry } = this.#parts;
    const policies = short(registry.policies);
    if (policies === this.#policies) return;
    this.#policies = policies;
    for (const run of loop.runs.values())
      loop.note(run, { kind: 'run.repinned', data: { prompts: {}, policies } });
  }
}

/** Whether a run names an agent or a tool of a module; of agents that people have made, their tools are looked at. */
function couldUse({ graph, steps }: Run, module: string): boolean {
  const isOf = (name: string): boolean => name.startsWith(`${module}.`);
  return (
    steps.some(({ reassignedTo }) => reassignedTo !== null && isOf(reassignedTo)) ||
    doersIn(graph.nodes).some((place) => {
      if (!isAgentPlace(place)) return false;
      const tools = Object.values((place.made?.agent.tools ?? {}) as Record<string, AnyTool>);
      return place.module === module || tools.some(({ name }) => isOf(name));
    })
  );
}
