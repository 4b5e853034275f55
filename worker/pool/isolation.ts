import type { Config, IsolationConfig } from '../../core/ports/config.ts';
import type { Job } from '../../core/ports/dispatcher.ts';
import { matches } from '../../core/sdk/policy/policy.ts';
import type { Declarations } from '../../core/sdk/registry.ts';

/** Tells which jobs run in processes of their module alone, and which on other machines. */
export interface Isolation {
  /** Where a job runs instead of on the engine's threads; null: it runs there. */
  placeOf(job: Placed): Place | null;
  /** Processes at once. */
  readonly processes: number;
  /** The heap that the agents of a process may have together, MB. @default as those of a thread */
  readonly heapMb?: number | undefined;
}

/** The processes of a module, or the machines of a pool. */
export type Place = { readonly module: string } | { readonly pool: string };

type Placed = Pick<Job, 'agent' | 'made'>;

const usualProcesses = 4;

/**
 * What agents declare, unless the configuration says otherwise; the first pattern that fits counts. Agents that people have made are as their template.
 * @param options.isHome whether nothing is to leave this machine: what would is kept apart here
 */
export function isolationBy(
  { agents = {}, processes = usualProcesses, heapMb }: IsolationConfig = {},
  { agents: declared }: Pick<Declarations, 'agents'>,
  { isHome = false }: { readonly isHome?: boolean } = {},
): Isolation {
  const said = Object.entries(agents);
  return {
    processes,
    heapMb,
    placeOf({ agent: name, made }) {
      const registered = declared.get(made?.document.template ?? name);
      const plain = name.startsWith('tool:') ? name.slice('tool:'.length) : name;
      const [, place = registered?.agent.isolation] =
        said.find(([pattern]) => matches([pattern], plain)) ?? [];
      const isFar = typeof place === 'object';
      if (isFar && !isHome) return { pool: place.machine };
      if (!isFar && place !== 'process') return null;
      return { module: registered?.module ?? plain.split('.', 1).join() };
    },
  };
}

/** How many processes there may be beside the engine's: none where nobody says that any agent is to be apart. */
export function mostProcesses({
  modules,
  isolation = {},
}: Pick<Config, 'modules' | 'isolation'>): number {
  const { agents = {}, processes = usualProcesses } = isolation;
  const isDeclared = modules.some((module) =>
    module.agents.some((agent) => agent.isolation === 'process'),
  );
  return isDeclared || Object.values(agents).includes('process') ? processes : 0;
}
