import type { Config, IsolationConfig } from '../core/ports/config.ts';
import type { Job } from '../core/ports/dispatcher.ts';
import { matches } from '../core/sdk/policy.ts';
import type { Declarations } from '../core/sdk/registry.ts';

/** Tells which jobs run in processes of their module alone, and which on other machines. */
export interface Isolation {
  /** The module whose processes a job runs in; null: it runs in none. */
  apartOf(job: Placed): string | null;
  /** The pool whose machines a job runs on; null: it runs on this one. */
  machineOf(job: Placed): string | null;
  /** Processes at once. */
  readonly processes: number;
  /** The heap that the agents of a process may have together, MB. @default as those of a thread */
  readonly heapMb?: number | undefined;
}

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
  const find = ({ agent: name, made }: Placed) => {
    const registered = declared.get(made?.document.template ?? name);
    const plain = name.replace(/^tool:/, '');
    const [, place = registered?.agent.isolation] =
      said.find(([pattern]) => matches([pattern], plain)) ?? [];
    const module = registered?.module ?? plain.split('.', 1).join();
    return { module, place: isHome && typeof place === 'object' ? 'process' : place };
  };
  return {
    processes,
    heapMb,
    apartOf(job) {
      const { module, place } = find(job);
      return place === 'process' ? module : null;
    },
    machineOf(job) {
      const { place } = find(job);
      return typeof place === 'object' ? place.machine : null;
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
