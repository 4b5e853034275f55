import type { Config, IsolationConfig } from '../core/ports/config.ts';
import type { Job } from '../core/ports/dispatcher.ts';
import { matches } from '../core/sdk/policy.ts';
import type { Declarations } from '../core/sdk/registry.ts';

/** Tells which jobs run in processes of their module alone. */
export interface Isolation {
  /** The module whose processes a job runs in; null: it runs on the engine's threads. */
  apartOf(job: Pick<Job, 'agent' | 'made'>): string | null;
  /** Processes at once. */
  readonly processes: number;
  /** The heap that the agents of a process may have together, MB. @default as those of a thread */
  readonly heapMb?: number | undefined;
}

const usualProcesses = 4;

/** What agents declare, unless the configuration says otherwise; the first pattern that fits counts. Agents that people have made are as their template. */
export function isolationBy(
  { agents = {}, processes = usualProcesses, heapMb }: IsolationConfig = {},
  { agents: declared }: Pick<Declarations, 'agents'>,
): Isolation {
  const said = Object.entries(agents);
  return {
    processes,
    heapMb,
    apartOf({ agent: name, made }) {
      const registered = declared.get(made?.document.template ?? name);
      const plain = name.replace(/^tool:/, '');
      const [, place = registered?.agent.isolation] =
        said.find(([pattern]) => matches([pattern], plain)) ?? [];
      return place === 'process' ? (registered?.module ?? plain.split('.', 1).join()) : null;
    },
  };
}

/** How many processes there may be beside the engine's: none where nobody says that any agent is to be apart. */
export function mostProcesses({
  modules,
  isolation = {},
}: Pick<Config, 'modules' | 'isolation'>): number {
  const { agents = {}, processes = usualProcesses } = isolation;
  const isDeclared = modules.some((module) => module.agents.some((agent) => agent.isolation));
  return isDeclared || Object.values(agents).includes('process') ? processes : 0;
}
